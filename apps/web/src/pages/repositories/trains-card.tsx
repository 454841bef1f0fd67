import type { JobView } from "@slipway/protocol/job";
import type { RepositoryView } from "@slipway/protocol/repository";
import type { FrozenTarget, TrainCar, TrainView } from "@slipway/protocol/train";
import { useQuery } from "@tanstack/react-query";
import { useId, useState } from "react";
import { ask, useAct } from "../../api/queries.ts";
import { useMay } from "../../api/session.tsx";
import { Badge, StateBadge } from "../../parts/badge.tsx";
import { Button } from "../../parts/button.tsx";
import { Card } from "../../parts/card.tsx";
import { Confirm } from "../../parts/dialog.tsx";
import { duration, plural } from "../../parts/format.ts";
import { JobLink } from "../../parts/job-link.tsx";
import parts from "../../parts/parts.module.css";
import { Empty, Known, Note } from "../../parts/states.tsx";
import { Ago } from "../../parts/time.tsx";
import css from "./repositories.module.css";

/** What is on its way to each branch, as it is merged and tested: who is before whom, what verifies it, what is foreseen, and stopping it all. */
export function TrainsCard({ repository: { name, defaultBranch } }: { repository: RepositoryView }) {
  const trains = useQuery(ask("showTrains", { params: { repo: name } }));
  // Of the changes that are on their way: what is foreseen, and their verify jobs, each in one answer.
  const changes = useQuery(ask("listJobs", { query: { repo: name, state: ["integrating", "running", "queued"], kind: ["task"], limit: 200 } }));
  const verifications = useQuery(ask("listJobs", { query: { repo: name, kind: ["verify"], limit: 50 } }));
  const mayFreeze = useMay("admin");
  return (
    <Known query={trains} what="the trains">
      {({ trains: shown }) => (
        <>
          {shown.length === 0 && (
            <Card title="Train" side={mayFreeze && <Freeze repo={name} target={defaultBranch} />}>
              <Empty title="Nothing is on its way to a branch.">
                A change whose gates passed is merged here, verified on the merged tree, and landed in order.
              </Empty>
            </Card>
          )}
          {shown.map((train) => (
            <Train key={train.target} repo={name} train={train} changes={changes.data?.jobs ?? []} verifications={verifications.data?.jobs ?? []} />
          ))}
        </>
      )}
    </Known>
  );
}

interface TrainProps {
  readonly repo: string;
  readonly train: TrainView;
  readonly changes: readonly JobView[];
  readonly verifications: readonly JobView[];
}

function Train({ repo, train: { target, frozen, cars }, changes, verifications }: TrainProps) {
  const mayFreeze = useMay("admin");
  // Their change went back to the agent: they step in again when it is done.
  const aside = changes.filter((job) => job.target === target && job.revision !== null && !cars.some(({ jobId }) => jobId === job.id));
  const foreseen = changes.filter((job) => job.target === target && job.predicted.length > 0);
  return (
    <Card title={`Train to ${target}`} flush side={mayFreeze && (frozen ? <Resume repo={repo} target={target} /> : <Freeze repo={repo} target={target} />)}>
      {frozen && <FrozenNote frozen={frozen} />}
      {cars.length === 0 && <p className={css["muted-row"]}>Nothing is on its way.</p>}
      <ol className={css["rows"]}>
        {cars.map((car) => (
          <Car
            key={car.completion}
            car={car}
            verification={verifications.find(({ number }) => number === car.verifyJob)}
            job={changes.find(({ id }) => id === car.jobId)}
          />
        ))}
      </ol>
      {aside.length > 0 && (
        <>
          <h3 className={css["subhead"]}>Stepped aside</h3>
          <ul className={css["rows"]}>
            {aside.map((job) => (
              <li key={job.id} className={css["car"]}>
                <JobLink number={job.number} title={job.title} />
                <span>
                  <StateBadge state={job.state} /> <Badge tone="warn">{`revision ${job.revision?.number} of ${job.revision?.of}`}</Badge>
                </span>
                <span className={css["detail"]}>{job.revision?.message}</span>
              </li>
            ))}
          </ul>
        </>
      )}
      {foreseen.length > 0 && (
        <>
          <h3 className={css["subhead"]}>Foreseen conflicts</h3>
          <ul className={css["rows"]}>
            {foreseen.flatMap((job) =>
              job.predicted.map((one) => (
                <li key={`${job.id} ${one.job ?? "target"}`} className={css["car"]}>
                  <JobLink number={job.number} title={job.title} />
                  <span>
                    {one.job === null ? (
                      `with what ${target} has now`
                    ) : (
                      <>
                        with <JobLink number={one.job} />
                      </>
                    )}
                  </span>
                  <span className={css["detail"]}>{one.paths.join(", ")}</span>
                </li>
              )),
            )}
          </ul>
        </>
      )}
    </Card>
  );
}

function Car({ car, verification, job }: { car: TrainCar; verification: JobView | undefined; job: JobView | undefined }) {
  return (
    <li className={css["car"]}>
      <span>
        <span className={css["place"]}>{car.place === null ? "–" : car.place}</span> <JobLink number={car.job} title={car.title} />
      </span>
      <span>
        <Progress car={car} />
      </span>
      <span className={css["detail"]}>
        since <Ago at={car.since} />
        {verification && (
          <>
            {" · "}verified by <JobLink number={verification.number} /> <StateBadge state={verification.state} />
            {verification.failure && <> {verification.failure.code}</>}
          </>
        )}
        {car.batch !== null && (
          <>
            {" · "}tested together with <JobLink number={car.batch} />
          </>
        )}
        {car.bisects > 0 && ` · its batch was red and split ${plural(car.bisects, "time")}`}
        {car.conflictsWith.length > 0 && (
          <>
            {" · "}lets others pass (so far {car.passed}), as it is foreseen to conflict with{" "}
            {car.conflictsWith.map((number, index) => (
              <span key={number}>
                {index > 0 && ", "}
                <JobLink number={number} />
              </span>
            ))}
          </>
        )}
        {job?.diffStat && ` · ${plural(job.diffStat.files, "file")}, +${job.diffStat.insertions} −${job.diffStat.deletions}`}
        {job?.revision && ` · revision ${job.revision.number} of ${job.revision.of}`}
      </span>
      {verification && <Gates verification={verification} />}
    </li>
  );
}

/** How the gates of the merged tree end, asked for when somebody wants to see it. */
function Gates({ verification }: { verification: JobView }) {
  const [isOpen, setOpen] = useState(false);
  const query = useQuery({ ...ask("getJob", { params: { job: verification.id } }), enabled: isOpen });
  return (
    <details className={css["gates"]} onToggle={({ currentTarget }) => setOpen(currentTarget.open)}>
      <summary>Its gates</summary>
      {isOpen && (
        <Known query={query} what="the gates">
          {({ receipts }) =>
            receipts.length === 0 ? (
              <p className={css["muted"]}>None has ended yet.</p>
            ) : (
              <ul>
                {receipts.map((receipt) => (
                  <li key={receipt.gate}>
                    <Badge tone={receipt.exitCode === 0 ? "ok" : "bad"}>{receipt.exitCode === 0 ? "passed" : `exit ${receipt.exitCode}`}</Badge> {receipt.gate}{" "}
                    <span className={css["muted"]}>
                      <code>{receipt.command}</code>, {duration(receipt.durationMs)}
                    </span>
                  </li>
                ))}
              </ul>
            )
          }
        </Known>
      )}
    </details>
  );
}

function Progress({ car: { state, place, verifyJob } }: { car: TrainCar }) {
  if (state === "landing") return <Badge tone="ok">landing</Badge>;
  if (place === null) return <Badge tone="idle">waits to be let in</Badge>;
  return <Badge tone="info">{verifyJob === null ? "merging" : "verifying"}</Badge>;
}

function FrozenNote({ frozen }: { frozen: FrozenTarget }) {
  return (
    <div className={css["note"]}>
      <Note
        tone={frozen.by === null ? "bad" : "warn"}
        title={frozen.by === null ? `Frozen by the server, as an invariant did not hold: ${frozen.code}` : `Frozen by ${frozen.by}`}
      >
        <p>
          {frozen.reason} Nothing lands since <Ago at={frozen.at} />.
        </p>
      </Note>
    </div>
  );
}

function Freeze({ repo, target }: { repo: string; target: string }) {
  const [isOpen, setOpen] = useState(false);
  const [reason, setReason] = useState("");
  const freeze = useAct("freezeTrain");
  const field = useId();
  const close = (): void => {
    setOpen(false);
    freeze.reset();
  };
  return (
    <>
      <Button small look="danger" onClick={() => setOpen(true)}>
        Freeze {target} …
      </Button>
      <Confirm
        open={isOpen}
        onClose={close}
        title={`Freeze ${target}?`}
        verb={`Freeze ${target}`}
        danger
        busy={freeze.isPending}
        failure={freeze.error}
        onConfirm={() => freeze.mutate({ params: { repo }, body: { target, reason: reason.trim() } }, { onSuccess: close })}
      >
        <p>Nothing lands on it until somebody resumes it. Jobs go on and wait with their change.</p>
        <div className={parts["field"]}>
          <label htmlFor={field}>Why, for everybody who waits</label>
          <input id={field} className={parts["input"]} value={reason} maxLength={500} required onChange={({ target: input }) => setReason(input.value)} />
        </div>
      </Confirm>
    </>
  );
}

function Resume({ repo, target }: { repo: string; target: string }) {
  const [isOpen, setOpen] = useState(false);
  const resume = useAct("resumeTrain");
  return (
    <>
      <Button small look="primary" onClick={() => setOpen(true)}>
        Resume {target} …
      </Button>
      <Confirm
        open={isOpen}
        onClose={() => setOpen(false)}
        title={`Resume ${target}?`}
        verb={`Resume ${target}`}
        busy={resume.isPending}
        failure={resume.error}
        onConfirm={() => resume.mutate({ params: { repo }, body: { target } }, { onSuccess: () => setOpen(false) })}
      >
        <p>What waits is merged, verified and landed again, in order.</p>
      </Confirm>
    </>
  );
}
