import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { ask, useAct } from "../../api/queries.ts";
import { useMay } from "../../api/session.tsx";
import { Badge } from "../../parts/badge.tsx";
import { Button } from "../../parts/button.tsx";
import { Card, Facts, PageHead } from "../../parts/card.tsx";
import { Copy } from "../../parts/copy.tsx";
import { Confirm } from "../../parts/dialog.tsx";
import { count, money, plural } from "../../parts/format.ts";
import { JobLink } from "../../parts/job-link.tsx";
import { useRowKeys } from "../../parts/keys.ts";
import { Meter } from "../../parts/meter.tsx";
import { Empty, Known, Note } from "../../parts/states.tsx";
import { Ago } from "../../parts/time.tsx";
import { BACKEND_USE_DAYS, type BackendView } from "./backend-view.ts";
import css from "./backends.module.css";

/** The kinds of agents that jobs can name: where each is installed, how its jobs went, and what it used. */
export function BackendsPage() {
  const query = useQuery(ask("listBackends", {}));
  useRowKeys();
  return (
    <>
      <PageHead title="Backends" />
      <Known query={query} what="the backends">
        {({ backends }) => (
          <div className={css["page"]}>
            {backends.length === 0 && (
              <Card title="None yet">
                <Empty title="No worker has told of a backend yet.">
                  <p>A worker brings the backends of its machine along. This shows those of this one, and how to get an agent:</p>
                  <Copy text="slipway backends" />
                </Empty>
              </Card>
            )}
            {backends.map((backend) => (
              <BackendCard key={backend.name} backend={backend} />
            ))}
          </div>
        )}
      </Known>
    </>
  );
}

function BackendCard({ backend }: { backend: BackendView }) {
  const { name, summary, version, release, needsModel, workers, circuits, running, today, recent, last } = backend;
  const ended = recent.good + recent.failed;
  return (
    <div id={name} className={css["anchor"]}>
      <Card
        title={
          <span className={css["name"]}>
            {name} <Readiness backend={backend} />
          </span>
        }
        side={
          <Link to="/jobs" search={{ backend: name }}>
            Its jobs
          </Link>
        }
      >
        <div className={css["body"]}>
          {summary !== null && <p className={css["muted"]}>{summary}</p>}
          {circuits.length > 0 && <Circuits backend={backend} />}
          <div className={css["columns"]}>
            <Facts
              of={[
                ["Version", version ?? "no worker has it any more"],
                ...(release ? [["Agent", <Agent key="agent" release={release} />] as const] : []),
                ["Model", needsModel ? "over the gateway" : "needs none"],
                ["Workers", workers.length === 0 ? "none" : <Workers key="workers" backend={backend} />],
              ]}
            />
            <Facts
              of={[
                [
                  "Running",
                  running === 0 ? (
                    "nothing"
                  ) : (
                    <Link key="running" to="/jobs" search={{ backend: name, state: "running" }}>
                      {plural(running, "job")}
                    </Link>
                  ),
                ],
                [
                  "Today",
                  today.attempts === 0
                    ? "nothing has ended"
                    : `${plural(today.jobs, "job")}, ${plural(today.attempts, "attempt")}, ${count(today.tokens)} tokens, ${money(today.costUsd)}`,
                ],
                [
                  `${BACKEND_USE_DAYS} days`,
                  ended === 0 ? (
                    "no attempt has ended"
                  ) : (
                    <span key="rate" className={css["rate"]}>
                      {Math.round((recent.good / ended) * 100)} % of {plural(ended, "attempt")} went well
                      <Meter used={recent.good} of={ended} />
                    </span>
                  ),
                ],
                [
                  "Last result",
                  last === null ? (
                    "none"
                  ) : (
                    <span key="last">
                      <Badge tone={last.code === null ? "ok" : "bad"}>{last.code ?? last.outcome}</Badge> of <JobLink number={last.job} />, <Ago at={last.at} />
                    </span>
                  ),
                ],
              ]}
            />
          </div>
        </div>
      </Card>
    </div>
  );
}

function Readiness({ backend: { workers, circuits } }: { backend: BackendView }) {
  if (circuits.some(({ state }) => state !== "due")) return <Badge tone="bad">circuit open</Badge>;
  const here = workers.filter(({ connected }) => connected);
  if (here.length === 0) return <Badge tone="idle">on no connected worker</Badge>;
  if (here.every(({ agent }) => agent !== null && !agent.ok)) return <Badge tone="warn">not installed</Badge>;
  return <Badge tone="ok">ready</Badge>;
}

function Agent({ release }: { release: NonNullable<BackendView["release"]> }) {
  return (
    <span>
      <code>
        {release.package}@{release.version}
      </code>
      {release.tested !== release.version && <span className={css["muted"]}> tested with {release.tested}</span>}
    </span>
  );
}

/** Where it is installed, and what is to be typed where its agent is not. */
function Workers({ backend: { workers } }: { backend: BackendView }) {
  return (
    <ul className={css["workers"]}>
      {workers.map(({ id, name, connected, agent }) => (
        <li key={id}>
          <Link to="/workers" hash={name} data-row>
            {name}
          </Link>{" "}
          {!connected && <Badge tone="idle">away</Badge>}
          {connected && agent === null && <span className={css["muted"]}>not asked yet</span>}
          {agent && <Badge tone={agent.ok ? "ok" : "warn"}>{agent.ok ? "ready" : "not installed"}</Badge>}
          {agent && <span className={css["muted"]}> {agent.found}</span>}
          {agent?.remedy && <Copy text={agent.remedy} />}
        </li>
      ))}
    </ul>
  );
}

/** It failed by its own fault again and again: its jobs wait, or take their fallback. */
function Circuits({ backend: { name, circuits } }: { backend: BackendView }) {
  const may = useMay("submitter");
  const [isOpen, setOpen] = useState(false);
  const reset = useAct("resetBackend");
  return (
    <>
      {circuits.map((circuit) => (
        <Note
          key={circuit.image}
          tone="bad"
          title={`It gets no jobs in ${circuit.place}: ${plural(circuit.faults, "failure")} in a row, last ${circuit.code}.`}
        >
          <p>{circuit.message}</p>
          <p>
            {circuit.state === "trying" && circuit.canary ? (
              <>
                <JobLink number={circuit.canary.number} /> tries it now.
              </>
            ) : (
              <>
                One job tries it <Ago at={circuit.openUntil} />.
              </>
            )}
          </p>
          {may ? (
            <span>
              <Button small onClick={() => setOpen(true)} aria-label={`Give ${name} jobs again`}>
                Give it jobs again …
              </Button>
            </span>
          ) : (
            <Copy text={`slipway backends reset ${name}`} />
          )}
        </Note>
      ))}
      <Confirm
        open={isOpen}
        onClose={() => setOpen(false)}
        title={`Give ${name} jobs again?`}
        verb="Give it jobs"
        busy={reset.isPending}
        failure={reset.error}
        onConfirm={() => reset.mutate({ params: { backend: name }, body: {} }, { onSuccess: () => setOpen(false) })}
      >
        <p>Its jobs are taken again at once, everywhere, whatever failed before. Where it still fails, they fail, and the circuit opens again.</p>
      </Confirm>
    </>
  );
}
