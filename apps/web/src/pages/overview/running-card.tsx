import type { Overview, RunningJob } from "@slipway/protocol/overview";
import { Link } from "@tanstack/react-router";
import { Badge } from "../../parts/badge.tsx";
import { Card } from "../../parts/card.tsx";
import { Copy } from "../../parts/copy.tsx";
import { count, money } from "../../parts/format.ts";
import { JobLink } from "../../parts/job-link.tsx";
import { Meter } from "../../parts/meter.tsx";
import { Empty } from "../../parts/states.tsx";
import { Ago, Took } from "../../parts/time.tsx";
import css from "./overview.module.css";

type Worker = Overview["workers"][number];

/** Slots by worker: which job, in which phase, for how long, and what it took so far. */
export function RunningCard({ overview }: { overview: Overview }) {
  const { running, workers, counts } = overview;
  const byWorker = Map.groupBy(running, ({ workerId }) => workerId);
  const known = new Set(workers.map(({ id }) => id));
  const lost = running.filter(({ workerId }) => !known.has(workerId));
  // Who has been away for long and runs nothing is told on the page of workers.
  const shown = workers.filter(({ id, connected, lastSeenAt }) => byWorker.has(id) || connected || overview.at - lastSeenAt < DAY_MS);
  return (
    <Card title="Running" flush side={<Link to="/workers">Workers</Link>}>
      {shown.length === 0 && lost.length === 0 && (
        <Empty title={workers.length === 0 ? "No worker has registered yet." : "No worker is here."}>
          <p>Workers run the jobs. This starts one on this machine:</p>
          <Copy text="slipway up" />
        </Empty>
      )}
      {shown.map((worker) => (
        <section key={worker.id} className={css["worker"]} aria-label={`Worker ${worker.name}`}>
          <WorkerHead worker={worker} jobs={byWorker.get(worker.id) ?? []} />
          <Slots jobs={byWorker.get(worker.id) ?? []} />
        </section>
      ))}
      {lost.length > 0 && <Slots jobs={lost} />}
      {counts.running > running.length && (
        <p className={css["more"]}>
          <Link to="/jobs" search={{ state: "running" }}>
            {counts.running - running.length} more
          </Link>
        </p>
      )}
    </Card>
  );
}

const DAY_MS = 86_400_000;

function WorkerHead({ worker, jobs }: { worker: Worker; jobs: readonly RunningJob[] }) {
  const tasks = jobs.filter(({ kind }) => kind === "task").length;
  const verifications = jobs.length - tasks;
  return (
    <div className={css["workerHead"]}>
      <h3>
        <Link to="/workers" hash={worker.name}>
          {worker.name}
        </Link>
      </h3>
      {!worker.connected && (
        <span>
          <Badge tone="bad">away</Badge>{" "}
          <span className={css["muted"]}>
            seen <Ago at={worker.lastSeenAt} />
          </span>
        </span>
      )}
      {worker.connected && worker.draining && <Badge tone="warn">draining</Badge>}
      {worker.cordon !== null && (
        <span>
          <Badge tone="warn">cordoned</Badge> <span className={css["muted"]}>{worker.cordon.reason ?? `by ${worker.cordon.by}`}</span>
        </span>
      )}
      {worker.held !== null && (
        <span>
          <Badge tone="warn">takes nothing</Badge> <span className={css["muted"]}>{worker.held}</span>
        </span>
      )}
      <span className={css["slots"]}>
        <span className={css["muted"]}>
          {tasks} of {worker.slots} slots{verifications > 0 ? `, ${verifications} of ${worker.verifySlots} verifying` : ""}
        </span>
        <Meter used={tasks} of={worker.slots} />
      </span>
    </div>
  );
}

function Slots({ jobs }: { jobs: readonly RunningJob[] }) {
  if (jobs.length === 0) return null;
  return (
    <ul className={css["rows"]}>
      {jobs.map((job) => (
        <li key={job.id} className={css["slot"]}>
          <span className={css["slotName"]}>
            <JobLink number={job.number} title={job.title} />
            <span className={css["muted"]}>
              {job.repo.name} · {job.kind === "verify" ? "verification" : job.backend}
              {job.attempts > 1 && ` · attempt ${job.attempts} of ${job.maxAttempts}`}
            </span>
          </span>
          <span>
            <Badge tone="info">{job.phase === null ? "starts" : job.phase.name}</Badge>
          </span>
          <span className={css["figure"]} title="Since its attempt began">
            <Took from={job.since} to={null} />
          </span>
          <span className={css["figure"]}>{job.tokens > 0 && `${count(job.tokens)} tokens`}</span>
          <span className={css["figure"]}>{job.costUsd > 0 && money(job.costUsd)}</span>
        </li>
      ))}
    </ul>
  );
}
