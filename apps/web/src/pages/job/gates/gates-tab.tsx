import type { JobDetail } from "@slipway/protocol/job";
import { isFinal } from "@slipway/protocol/states";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { Badge, type Tone } from "../../../parts/badge.tsx";
import { Button } from "../../../parts/button.tsx";
import { Card } from "../../../parts/card.tsx";
import { duration, plural } from "../../../parts/format.ts";
import { Empty } from "../../../parts/states.tsx";
import { Took } from "../../../parts/time.tsx";
import { Artifact } from "../artifacts/artifact.tsx";
import css from "../job.module.css";
import { useEvents } from "../stream/use-stream.tsx";
import { type GateRound, type GateRun, gateRounds } from "./gate-runs.ts";
import { Receipts } from "./receipts.tsx";

const TONES: Readonly<Record<GateRun["status"], Tone>> = { running: "info", passed: "ok", failed: "bad", "timed-out": "bad", skipped: "idle" };

/** Every run of every gate with what it said, newest first, and the receipts. */
export function GatesTab({ detail }: { detail: JobDetail }) {
  const { job, receipts } = detail;
  const rounds = gateRounds(useEvents());
  return (
    <div className={css["stack"]}>
      {rounds.length === 0 && receipts.length === 0 && (
        <Empty title={isFinal(job.state) ? "No gate has run." : "No gate has run yet."}>
          <span>Gates are commands that must pass before a change lands. The repository names them in .slipway.yaml:</span>
          <code>
            gates: [{"{"}name: test, run: npm test{"}"}]
          </code>
        </Empty>
      )}
      {rounds.map((round, index) => (
        <Round key={round.key} round={round} detail={detail} isNewest={index === 0} />
      ))}
      {receipts.length > 0 && <Receipts receipts={receipts} />}
    </div>
  );
}

function Round({ round: { fence, round, runs }, detail, isNewest }: { round: GateRound; detail: JobDetail; isNewest: boolean }) {
  const attempt = detail.attempts.length > 1 ? `attempt ${fence}, ` : "";
  return (
    <Card title={`Gates, ${attempt}${round === 0 ? "first run" : `after repair ${round}`}`}>
      <ul className={css["stack"]}>
        {runs.map((run) => (
          <li key={run.key}>
            <Run run={run} detail={detail} isNewest={isNewest} />
          </li>
        ))}
      </ul>
    </Card>
  );
}

function Run({ run, detail: { job, artifacts }, isNewest }: { run: GateRun; detail: JobDetail; isNewest: boolean }) {
  // What somebody came for, most likely: why it is red.
  const [chosen, setOpen] = useState<boolean | null>(null);
  const open = chosen ?? (isNewest && TONES[run.status] === "bad");
  // An artifact of an earlier attempt with the same name is not what the server gives.
  const isStored = run.artifact !== undefined && artifacts.findLast(({ name }) => name === run.artifact)?.fence === run.fence;
  const isOver = run.status === "running" && isFinal(job.state);
  return (
    <article className={css["gate"]} aria-label={`Gate ${run.name}`}>
      <div className={css["line"]}>
        <Badge tone={isOver ? "idle" : TONES[run.status]}>{isOver ? "cut off" : run.status}</Badge>
        <strong>{run.name}</strong>
        {run.durationMs === undefined ? run.status === "running" && !isOver && <Took from={run.from} to={null} /> : <span>{duration(run.durationMs)}</span>}
        {typeof run.exitCode === "number" && run.exitCode !== 0 && <span>exit {run.exitCode}</span>}
        {run.flaky && <Badge tone="warn">flaky</Badge>}
        {run.status === "skipped" && (
          <span className={css["muted"]}>{run.unconcerned ? "no changed path concerns it" : `it needs ${run.because ?? "another gate"}`}</span>
        )}
        {run.tests && <span>{testsText(run.tests)}</span>}
        <span className={css["push"]} />
        {isStored && (
          <Button small aria-expanded={open} onClick={() => setOpen(!open)}>
            {open ? "Hide the output" : "Output"}
          </Button>
        )}
        <Link to="/jobs/$job/$tab" params={{ job: String(job.number), tab: "log" }} search={{ stream: `gate:${run.name}` }}>
          In the log
        </Link>
      </div>
      {run.verdict && (
        <p className={css["said"]}>
          <Badge tone={run.verdict.verdict === "new" ? "bad" : "warn"}>{VERDICTS[run.verdict.verdict]}</Badge> On the base it is {run.verdict.base}
          {run.verdict.detail ? `: ${run.verdict.detail}` : "."}
        </p>
      )}
      {run.tests && run.tests.failing.length > 0 && (
        <ul className={css["bullets"]}>
          {run.tests.failing.map(({ name, file, line }) => (
            <li key={`${file} ${name}`}>
              {name}{" "}
              {file !== undefined && (
                <code>
                  {file}
                  {line !== undefined && `:${line}`}
                </code>
              )}
            </li>
          ))}
          {run.tests.failed > run.tests.failing.length && <li className={css["muted"]}>and {run.tests.failed - run.tests.failing.length} more</li>}
        </ul>
      )}
      {open && isStored && run.artifact !== undefined && <Artifact job={job.id} name={run.artifact} />}
    </article>
  );
}

const VERDICTS = { new: "counts against this change", before: "was red before", flaky: "flaky", quarantined: "quarantined" } as const;

function testsText({ passed, failed, skipped, runners }: NonNullable<GateRun["tests"]>): string {
  const ran = passed === undefined ? "" : `${plural(passed, "test")} passed, `;
  return `${ran}${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}${runners.length > 0 ? ` (${runners.join(", ")})` : ""}`;
}
