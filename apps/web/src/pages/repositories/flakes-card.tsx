import type { FlakeView } from "@slipway/protocol/baseline";
import type { RepositoryView } from "@slipway/protocol/repository";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { ask, useAct } from "../../api/queries.ts";
import { useMay } from "../../api/session.tsx";
import { Badge } from "../../parts/badge.tsx";
import { Button } from "../../parts/button.tsx";
import { Card } from "../../parts/card.tsx";
import { Confirm } from "../../parts/dialog.tsx";
import { plural } from "../../parts/format.ts";
import { JobLink } from "../../parts/job-link.tsx";
import { Empty, Known } from "../../parts/states.tsx";
import { Ago } from "../../parts/time.tsx";
import css from "./repositories.module.css";

/** Failures of gates that came and went on the same files. */
export function FlakesCard({ repository: { name } }: { repository: RepositoryView }) {
  const query = useQuery(ask("listFlakes", { params: { repo: name } }));
  return (
    <Card title="Flaky gates" flush>
      <Known query={query} what="the flaky gates">
        {({ flakes }) =>
          flakes.length === 0 ? (
            <Empty title="No gate is known to be flaky.">
              A failure that is gone when its gate is run again on the same files is told here, and quarantined when that happens again.
            </Empty>
          ) : (
            <ul className={css["rows"]}>
              {flakes.map((flake) => (
                <Flake key={`${flake.gate} ${flake.failureDigest}`} repo={name} flake={flake} />
              ))}
            </ul>
          )
        }
      </Known>
    </Card>
  );
}

function Flake({ repo, flake: { gate, failureDigest, jobs, quarantined, lastAt, lastJob, excerpt } }: { repo: string; flake: FlakeView }) {
  const mayClear = useMay("submitter");
  const [isOpen, setOpen] = useState(false);
  const clear = useAct("clearFlakes");
  return (
    <li className={css["car"]}>
      <span>
        <strong>{gate}</strong> <code className={css["muted"]}>{failureDigest.slice(0, 10)}</code>
      </span>
      <span className={css["acts"]}>
        <Badge tone={quarantined ? "warn" : "idle"}>{quarantined ? "quarantined" : "seen"}</Badge>
        {mayClear && (
          <Button small onClick={() => setOpen(true)} aria-label={`Clear ${gate} ${failureDigest.slice(0, 10)}`}>
            Clear …
          </Button>
        )}
      </span>
      <span className={css["detail"]}>
        in {plural(jobs, "job")}, last in <JobLink number={lastJob} />, <Ago at={lastAt} />
      </span>
      {excerpt !== "" && (
        <details className={css["gates"]}>
          <summary>What it said</summary>
          <pre>{excerpt}</pre>
        </details>
      )}
      <Confirm
        open={isOpen}
        onClose={() => setOpen(false)}
        title={`Clear this failure of ${gate}?`}
        verb="Clear it"
        busy={clear.isPending}
        failure={clear.error}
        onConfirm={() => clear.mutate({ params: { repo }, body: { gate, failureDigest: failureDigest.slice(0, 64) } }, { onSuccess: () => setOpen(false) })}
      >
        <p>It is forgotten, and its quarantine ends: the next time that it comes it counts against the change, until it is seen to come and go again.</p>
      </Confirm>
    </li>
  );
}
