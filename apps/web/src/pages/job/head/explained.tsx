import { ERRORS } from "@slipway/protocol/errors";
import type { Failure, JobDetail } from "@slipway/protocol/job";
import { isFinal } from "@slipway/protocol/states";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { ask } from "../../../api/queries.ts";
import { Button } from "../../../parts/button.tsx";
import { moment } from "../../../parts/format.ts";
import { Note } from "../../../parts/states.tsx";
import { Ago } from "../../../parts/time.tsx";
import css from "../job.module.css";
import { Words } from "./words.tsx";

/** Why the job is where it is: its failure, or who has to act, until when, and what would help. Of a job that simply runs it is one click away. */
export function Explained({ detail }: { detail: JobDetail }) {
  const { job } = detail;
  if (job.state === "failed" && job.failure) return <Failed failure={job.failure} detail={detail} />;
  if (job.state === "cancelled") return <Cancelled detail={detail} />;
  return isFinal(job.state) ? null : <Waiting detail={detail} />;
}

function Failed({ failure, detail }: { failure: Failure; detail: JobDetail }) {
  const hint = failure.details["hint"];
  return (
    <div className={css["explained"]}>
      <Note
        tone="bad"
        title={
          <>
            Failed with <code>{failure.code}</code>
          </>
        }
      >
        <p className={css["said"]}>{failure.message}</p>
        <p>
          <Words text={typeof hint === "string" ? hint : ERRORS[failure.code].hint} />
        </p>
        {hasWork(detail) && (
          <p>
            The agent's work is kept: the tab Diff shows it, <code>slipway fetch {detail.job.number}</code> gets it as a branch.
          </p>
        )}
      </Note>
    </div>
  );
}

function Cancelled({ detail: { job, acts } }: { detail: JobDetail }) {
  const by = acts.findLast(({ action }) => action === "cancelJob")?.by.name;
  const reason = job.failure?.message;
  if (by === undefined && reason === undefined) return null;
  return (
    <p className={css["line"]}>
      Cancelled{by === undefined ? "" : ` by ${by}`}
      {reason === undefined ? "" : `: ${reason}`}
    </p>
  );
}

function Waiting({ detail: { job } }: { detail: JobDetail }) {
  const { data, error } = useQuery(ask("explainJob", { params: { job: job.id } }));
  const [open, setOpen] = useState(false);
  const needsYou = job.state === "blocked" || data?.owner === "you";
  if (!data) return error ? <p className={css["line"]}>Why it is here is not known: {error.message}</p> : null;
  if (job.state === "running" && !needsYou && !open) {
    return (
      <p className={css["line"]}>
        <Button small look="quiet" aria-expanded={false} onClick={() => setOpen(true)}>
          Explain
        </Button>
      </p>
    );
  }
  return (
    <div className={css["explained"]}>
      <Note tone={needsYou ? "warn" : "info"} title={needsYou ? "This needs you." : `Whose turn it is: ${data.owner}`}>
        <p className={css["said"]}>
          <Words text={data.reason} />
        </p>
        <p>
          <Words text={data.unblock} />
        </p>
        {data.deadline !== null && (
          <p>
            Until {moment(data.deadline)} (<Ago at={data.deadline} />
            ): then the server acts.
          </p>
        )}
        {open && (
          <div>
            <Button small onClick={() => setOpen(false)}>
              Less
            </Button>
          </div>
        )}
      </Note>
    </div>
  );
}

function hasWork({ job, attempts }: JobDetail): boolean {
  return job.landedOid === null && (job.resultOid !== null || attempts.some(({ keptOid }) => keptOid !== null));
}
