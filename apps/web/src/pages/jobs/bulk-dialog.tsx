import { isFinal } from "@slipway/protocol/states";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { call } from "../../api/call.ts";
import { type ApiFailure, toFailure } from "../../api/failure.ts";
import { Badge } from "../../parts/badge.tsx";
import { Button } from "../../parts/button.tsx";
import { Dialog } from "../../parts/dialog.tsx";
import { plural } from "../../parts/format.ts";
import parts from "../../parts/parts.module.css";
import { FailureNote, Loading } from "../../parts/states.tsx";
import { type JobRow, pageOf } from "./job-row.ts";
import css from "./jobs.module.css";

export type BulkAct = "cancel" | "retry";

/** Calls under way at once. */
const AT_ONCE = 4;
const PAGE_JOBS = 200;

/** What became of one of the jobs: `made` is the number of the new job that a retry made. */
interface Result {
  readonly job: JobRow;
  readonly made: number | null;
  readonly failure: ApiFailure | null;
}

/** One question for all of them, that says how many and what happens; then what became of each. */
export function BulkDialog({ act, chosen, onClose }: { act: BulkAct; chosen: readonly JobRow[]; onClose: (isDone: boolean) => void }) {
  const client = useQueryClient();
  const [results, setResults] = useState<readonly Result[] | null>(null);
  const [isBusy, setBusy] = useState(false);
  // They may have gone on since they were listed.
  const { data, error } = useQuery<JobRow[], ApiFailure>({
    queryKey: ["listJobs", null, { bulk: chosen.map(({ number }) => number) }],
    queryFn: async ({ signal }) => await readAgain(chosen, signal),
    staleTime: 0,
    enabled: results === null,
  });
  const plan = data ? planOf(act, data) : null;
  const run = async (targets: readonly JobRow[]): Promise<void> => {
    setBusy(true);
    setResults([]);
    const left = [...targets];
    const work = async (): Promise<void> => {
      for (let job = left.shift(); job !== undefined; job = left.shift()) {
        const result = await apply(act, job);
        setResults((before) => [...(before ?? []), result]);
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, work));
    setBusy(false);
    await client.invalidateQueries({ predicate: ({ queryKey }) => queryKey[0] === "listJobs" || queryKey[0] === "overview" });
  };
  const close = (): void => {
    if (!isBusy) onClose(results !== null);
  };
  return (
    <Dialog open onClose={close} title={results === null ? (plan?.title ?? "Looking …") : act === "cancel" ? "Cancelled" : "Retried"}>
      {error && <FailureNote failure={error} title="Could not look at the jobs." />}
      {results === null && !plan && !error && <Loading what="the jobs as they are now" />}
      {results === null && plan && (
        <ul className={css["plan"]}>
          {plan.lines.map((line) => (
            <li key={line}>{line}</li>
          ))}
        </ul>
      )}
      {results !== null && plan && <Results act={act} results={results} of={plan.targets.length} />}
      <div className={parts["actions"]}>
        <Button onClick={close} disabled={isBusy}>
          {results === null ? "Back" : "Close"}
        </Button>
        {results === null && plan && (
          <Button look={act === "cancel" ? "danger" : "primary"} disabled={plan.targets.length === 0} onClick={() => void run(plan.targets)}>
            {plan.verb}
          </Button>
        )}
      </div>
    </Dialog>
  );
}

function Results({ act, results, of }: { act: BulkAct; results: readonly Result[]; of: number }) {
  const refused = results.filter(({ failure }) => failure !== null);
  const good = results.length - refused.length;
  return (
    <>
      <p role="status">
        {results.length < of
          ? `${results.length} of ${of} …`
          : `${good} of ${of} ${act === "cancel" ? "cancelled" : "retried"}${refused.length > 0 ? `, ${refused.length} refused` : ""}.`}
      </p>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls */}
      <ul className={css["results"]} tabIndex={0} aria-label="What became of each">
        {[...refused, ...results.filter(({ failure }) => failure === null)].map(({ job, made, failure }) => (
          <li key={job.number}>
            <Link to="/jobs/$job" params={{ job: String(job.number) }}>
              #{job.number}
            </Link>
            {failure === null ? (
              <Badge tone="ok">{act === "cancel" ? "cancelled" : made === null ? "queued again" : "submitted again"}</Badge>
            ) : (
              <Badge tone="bad">{failure.code}</Badge>
            )}
            {made !== null && (
              <span>
                as{" "}
                <Link to="/jobs/$job" params={{ job: String(made) }}>
                  #{made}
                </Link>
              </span>
            )}
            {failure !== null && (
              <span>
                {failure.message} {failure.hint}
              </span>
            )}
          </li>
        ))}
      </ul>
    </>
  );
}

interface Plan {
  readonly title: string;
  readonly verb: string;
  readonly lines: string[];
  readonly targets: readonly JobRow[];
}

function planOf(act: BulkAct, jobs: readonly JobRow[]): Plan {
  return act === "cancel" ? cancelPlan(jobs) : retryPlan(jobs);
}

function cancelPlan(jobs: readonly JobRow[]): Plan {
  const targets = jobs.filter(({ state }) => !isFinal(state));
  const running = targets.filter(({ state }) => state === "running").length;
  const integrating = targets.filter(({ state }) => state === "integrating").length;
  const over = jobs.length - targets.length;
  return {
    title: targets.length === 0 ? "Nothing to cancel" : `Cancel ${plural(targets.length, "job")}?`,
    verb: `Cancel ${plural(targets.length, "job")}`,
    targets,
    lines: [
      ...(running > 0 ? [`${plural(running, "of them runs", "of them run")}: the agent is stopped, and nothing of its work is kept.`] : []),
      ...(integrating > 0
        ? [`${plural(integrating, "is on its way", "are on their way")} to a branch: ${integrating === 1 ? "it does" : "they do"} not land.`]
        : []),
      ...(over > 0
        ? [
            `${plural(over, "of the selected jobs is over", "of the selected jobs are over")} already and ${over === 1 ? "stays" : "stay"} as ${over === 1 ? "it is" : "they are"}.`,
          ]
        : []),
      "A cancelled job can be retried: that submits it again as a new job.",
    ],
  };
}

function retryPlan(jobs: readonly JobRow[]): Plan {
  const isTarget = ({ kind, state }: JobRow): boolean => kind === "task" && (state === "blocked" || isFinal(state));
  const targets = jobs.filter(isTarget);
  const blocked = targets.filter(({ state }) => state === "blocked").length;
  const done = targets.filter(({ state }) => state === "done").length;
  const again = targets.length - blocked;
  const others = jobs.length - targets.length;
  return {
    title: targets.length === 0 ? "Nothing to retry" : `Retry ${plural(targets.length, "job")}?`,
    verb: `Retry ${plural(targets.length, "job")}`,
    targets,
    lines: [
      ...(blocked > 0 ? [`${plural(blocked, "blocked job goes on", "blocked jobs go on")} from where ${blocked === 1 ? "it is" : "they are"}.`] : []),
      ...(again > 0
        ? [
            `${plural(again, "job that is over is", "jobs that are over are")} submitted again, as ${again === 1 ? "a new one" : "new ones"}, and may cost as much again.`,
          ]
        : []),
      ...(done > 0 ? [`${plural(done, "of them is", "of them are")} done: what landed is there already.`] : []),
      ...(others > 0
        ? [
            `${plural(others, "of the selected jobs is", "of the selected jobs are")} at work, queued or a verification, and ${others === 1 ? "stays" : "stay"} as ${others === 1 ? "it is" : "they are"}.`,
          ]
        : []),
    ],
  };
}

async function readAgain(chosen: readonly JobRow[], signal: AbortSignal): Promise<JobRow[]> {
  const found: JobRow[] = [];
  for (let at = 0; at < chosen.length; at += PAGE_JOBS) {
    const number = chosen.slice(at, at + PAGE_JOBS).map((job) => job.number);
    found.push(...pageOf(await call("listJobs", { query: { number, limit: PAGE_JOBS } }, signal)).rows);
  }
  return found;
}

async function apply(act: BulkAct, job: JobRow): Promise<Result> {
  try {
    if (act === "cancel") {
      await call("cancelJob", { params: { job: job.id }, body: {} });
      return { job, made: null, failure: null };
    }
    const answer = await call("retryJob", { params: { job: job.id }, body: {} });
    return { job, made: answer.job.number === job.number ? null : answer.job.number, failure: null };
  } catch (error) {
    return { job, made: null, failure: toFailure(error) };
  }
}
