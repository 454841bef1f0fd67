import type { Overview } from "@slipway/protocol/overview";
import { Link } from "@tanstack/react-router";
import { useAct } from "../../api/queries.ts";
import { useMay } from "../../api/session.tsx";
import { Badge } from "../../parts/badge.tsx";
import { Button, buttonClass } from "../../parts/button.tsx";
import { Card } from "../../parts/card.tsx";
import { Copy } from "../../parts/copy.tsx";
import { plural } from "../../parts/format.ts";
import { JobLink } from "../../parts/job-link.tsx";
import { FailureNote } from "../../parts/states.tsx";
import { Ago } from "../../parts/time.tsx";
import { Words } from "../../parts/words.tsx";
import { type Need, needs } from "./needs.ts";
import css from "./overview.module.css";
import { causeText, filterOf } from "./waiting-card.tsx";

/** What goes on only when a person acts: why, what to do, and until when. */
export function NeedsYouCard({ overview }: { overview: Overview }) {
  const all = needs(overview);
  if (all.length === 0) return null;
  return (
    <Card title="Needs you" flush side={<span className={css["muted"]}>{plural(all.length, "thing")}</span>}>
      <ul className={css["rows"]}>
        {all.map((need) => (
          <li key={keyOf(need)} className={css["need"]}>
            <NeedRow need={need} />
          </li>
        ))}
      </ul>
    </Card>
  );
}

function keyOf(need: Need): string {
  if (need.kind === "blocked") return need.job.id;
  if (need.kind === "frozen") return `${need.train.repo.id} ${need.train.target}`;
  return need.kind === "waiting" ? `waiting ${need.group.first.id}` : need.kind;
}

function NeedRow({ need }: { need: Need }) {
  switch (need.kind) {
    case "blocked":
      return <Blocked job={need.job} />;
    case "more-blocked":
      return (
        <Link to="/jobs" search={{ state: "blocked" }} data-row>
          {plural(need.jobs, "further job")} that {need.jobs === 1 ? "is" : "are"} blocked
        </Link>
      );
    case "frozen":
      return <Frozen repo={need.train.repo.name} target={need.train.target} frozen={need.frozen} cars={need.train.cars.length} />;
    case "waiting":
      return (
        <>
          <div className={css["needHead"]}>
            <Badge tone="warn">waits</Badge>
            <Link to="/jobs" search={filterOf(need.group)} data-row>
              {causeText(need.group)}
            </Link>
          </div>
          <p>
            <Words text={need.group.reason} />
          </p>
          <p className={css["muted"]}>
            <Words text={need.group.unblock} />
          </p>
        </>
      );
  }
}

function Blocked({ job }: { job: Overview["blocked"][number] }) {
  const may = useMay("submitter");
  const retry = useAct("retryJob");
  return (
    <>
      <div className={css["needHead"]}>
        <Badge tone="warn">{job.code ?? "blocked"}</Badge>
        <JobLink number={job.number} title={job.title} />
        <span className={css["muted"]}>{job.repo.name}</span>
        <span className={css["side"]}>
          <span className={css["muted"]}>
            since <Ago at={job.since} />
            {job.deadline !== null && (
              <>
                , fails <Ago at={job.deadline} />
              </>
            )}
          </span>
          {may ? (
            <Button
              small
              onClick={() => retry.mutate({ params: { job: job.number }, body: {} })}
              disabled={retry.isPending}
              aria-label={`Retry job ${job.number}`}
            >
              {retry.isPending ? "Retrying …" : "Retry"}
            </Button>
          ) : (
            <Copy text={`slipway retry ${job.number}`} />
          )}
        </span>
      </div>
      <p>
        <Words text={job.reason} />
      </p>
      <p className={css["muted"]}>
        <Words text={job.unblock} />
      </p>
      {retry.error && <FailureNote failure={retry.error} />}
    </>
  );
}

function Frozen({ repo, target, frozen, cars }: { repo: string; target: string; frozen: NonNullable<Overview["trains"][number]["frozen"]>; cars: number }) {
  return (
    <>
      <div className={css["needHead"]}>
        <Badge tone={frozen.by === null ? "bad" : "warn"}>frozen</Badge>
        <Link to="/repositories/$repo" params={{ repo }} data-row>
          {repo} → {target}
        </Link>
        <span className={css["muted"]}>{cars === 0 ? "nothing waits there" : `${plural(cars, "change")} waiting`}</span>
        <span className={css["side"]}>
          <span className={css["muted"]}>
            since <Ago at={frozen.at} />
          </span>
          <Link to="/repositories/$repo" params={{ repo }} className={buttonClass({ small: true })}>
            Look at the train
          </Link>
        </span>
      </div>
      <p>
        {frozen.by === null ? "An invariant did not hold" : `By ${frozen.by}`}: {frozen.reason}
      </p>
    </>
  );
}
