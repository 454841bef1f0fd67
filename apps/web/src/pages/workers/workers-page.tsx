import type { WorkerView } from "@slipway/protocol/worker-api";
import { useQuery } from "@tanstack/react-query";
import { useLocation } from "@tanstack/react-router";
import { type ReactNode, useEffect } from "react";
import { ask } from "../../api/queries.ts";
import { useMay } from "../../api/session.tsx";
import { Badge } from "../../parts/badge.tsx";
import { Card, Facts, PageHead } from "../../parts/card.tsx";
import { Copy } from "../../parts/copy.tsx";
import { plural } from "../../parts/format.ts";
import { JobLink } from "../../parts/job-link.tsx";
import { useRowKeys } from "../../parts/keys.ts";
import { Meter } from "../../parts/meter.tsx";
import { Empty, Known, Note } from "../../parts/states.tsx";
import { Ago } from "../../parts/time.tsx";
import { WorkerActs } from "./worker-acts.tsx";
import css from "./workers.module.css";

/** What runs the jobs: slots, health, what each can do, and taking one out of service. */
export function WorkersPage() {
  const query = useQuery(ask("listWorkers", {}));
  useRowKeys();
  return (
    <>
      <PageHead title="Workers" />
      <Known query={query} what="the workers">
        {({ workers }) => (
          <div className={css["page"]}>
            {workers.length === 0 && (
              <Card title="None yet">
                <Empty title="No worker has registered yet.">
                  <p>Workers run the jobs, in sandboxes on their machine. This starts a server and a worker here:</p>
                  <Copy text="slipway up" />
                </Empty>
              </Card>
            )}
            {ordered(workers).map((worker) => (
              <WorkerCard key={worker.id} worker={worker} />
            ))}
          </div>
        )}
      </Known>
    </>
  );
}

/** Those that are here first. */
function ordered(workers: readonly WorkerView[]): WorkerView[] {
  return workers.toSorted((a, b) => Number(b.connected) - Number(a.connected) || a.name.localeCompare(b.name));
}

function WorkerCard({ worker }: { worker: WorkerView }) {
  const mayAct = useMay("admin");
  const isMeant = useLocation({ select: ({ hash }) => hash === worker.name });
  useEffect(() => {
    if (isMeant) document.getElementById(worker.id)?.scrollIntoView({ block: "start" });
  }, [isMeant, worker.id]);
  const { name, slots, verifySlots, running, sandbox, version, capabilities, images, warnings, brokenBackends, cordon, held } = worker;
  return (
    <div id={worker.id} className={css["anchor"]} data-meant={isMeant}>
      <Card
        title={
          <span className={css["name"]}>
            {name} <Health worker={worker} />
          </span>
        }
        side={mayAct && <WorkerActs worker={worker} />}
      >
        <div className={css["body"]}>
          {cordon !== null && (
            <Note tone="warn" title="Cordoned: it takes no jobs, and goes on with what it runs.">
              <p>
                By {cordon.by}, <Ago at={cordon.at} />
                {cordon.reason !== null && `: ${cordon.reason}`}. Jobs that only it can take wait until it is uncordoned.
              </p>
            </Note>
          )}
          {worker.draining && (
            <Note tone="warn" title="Draining: it finishes what it has, and ends.">
              <p>It takes jobs again when it is started anew.</p>
            </Note>
          )}
          {held !== null && <Note tone="warn" title={`It claims nothing for now: ${held}`} />}
          {warnings.map((warning) => (
            <Note key={warning} tone="warn" title={warning} />
          ))}
          {brokenBackends.map((broken) => (
            <Note key={`${broken.package} ${broken.name}`} tone="bad" title={`The backend ${broken.name} cannot be loaded: ${broken.problem}`}>
              <p>
                {broken.file}: expected {broken.expected}. {broken.remedy}
              </p>
            </Note>
          ))}
          <Facts
            of={[
              [
                "Slots",
                <span key="slots" className={css["slots"]}>
                  {running.length} running, {slots} {slots === 1 ? "slot" : "slots"} and {verifySlots} to verify
                  <Meter used={running.length} of={slots + verifySlots} />
                </span>,
              ],
              ["Runs", running.length === 0 ? "nothing" : <Numbers key="runs" jobs={running} />],
              ["Sandbox", sandbox === "none" ? "none: agents run with its user's rights" : sandbox],
              ["Version", version],
              [
                "Last seen",
                <span key="seen">
                  <Ago at={worker.lastSeenAt} />, registered <Ago at={worker.registeredAt} />
                </span>,
              ],
              ["Backends", <Backends key="backends" worker={worker} />],
              ...(images.length > 0 ? [["Images", <Images key="images" images={images} />] as const] : []),
              ["Can do", <Capabilities key="capabilities" names={capabilities} />],
            ]}
          />
        </div>
      </Card>
    </div>
  );
}

function Health({ worker: { connected, draining, cordon, held, lastSeenAt } }: { worker: WorkerView }) {
  if (!connected) {
    return (
      <>
        <Badge tone="bad">away</Badge>{" "}
        <small className={css["muted"]}>
          seen <Ago at={lastSeenAt} />
        </small>
      </>
    );
  }
  if (draining) return <Badge tone="warn">draining</Badge>;
  if (cordon !== null) return <Badge tone="warn">cordoned</Badge>;
  return held === null ? <Badge tone="ok">connected</Badge> : <Badge tone="warn">takes nothing</Badge>;
}

function Numbers({ jobs }: { jobs: WorkerView["running"] }) {
  return (
    <span className={css["list"]}>
      {jobs.map(({ number }) => (
        <JobLink key={number} number={number} />
      ))}
    </span>
  );
}

/** Each with its version, and what the probe found of its agent. */
function Backends({ worker: { backends, agents } }: { worker: WorkerView }): ReactNode {
  if (backends.length === 0) return "none";
  return (
    <ul className={css["backends"]}>
      {backends.map(({ name, version }) => {
        const agent = agents.find(({ backend }) => backend === name);
        return (
          <li key={name}>
            <span>
              {name} <small className={css["muted"]}>{version}</small>
            </span>
            {agent && <Badge tone={agent.ok ? "ok" : "warn"}>{agent.ok ? (agent.version ?? "ready") : "no agent"}</Badge>}
            {agent && !agent.ok && (
              <span className={css["muted"]}>
                {agent.found}
                {agent.remedy !== null && (
                  <>
                    {" "}
                    <Copy text={agent.remedy} />
                  </>
                )}
              </span>
            )}
          </li>
        );
      })}
    </ul>
  );
}

function Images({ images }: { images: WorkerView["images"] }) {
  return (
    <ul className={css["backends"]}>
      {images.map(({ backend, image, imageId }) => (
        <li key={backend}>
          <code title={imageId}>{image}</code> <span className={css["muted"]}>{backend}</span>
        </li>
      ))}
    </ul>
  );
}

function Capabilities({ names }: { names: readonly string[] }) {
  return (
    <details>
      <summary>{plural(names.length, "capability", "capabilities")}</summary>
      <p className={css["list"]}>
        {names.map((name) => (
          <code key={name}>{name}</code>
        ))}
      </p>
    </details>
  );
}
