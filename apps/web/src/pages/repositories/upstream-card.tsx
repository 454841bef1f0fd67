import type { RepositoryView } from "@slipway/protocol/repository";
import type { UpstreamBranch, UpstreamState } from "@slipway/protocol/upstream";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { ask, useAct } from "../../api/queries.ts";
import { useMay } from "../../api/session.tsx";
import { Badge, type Tone } from "../../parts/badge.tsx";
import { Button } from "../../parts/button.tsx";
import { Card } from "../../parts/card.tsx";
import { Confirm } from "../../parts/dialog.tsx";
import { plural } from "../../parts/format.ts";
import { Empty, FailureNote, Known, Note } from "../../parts/states.tsx";
import css from "./repositories.module.css";

const WORDS: Readonly<Record<UpstreamState, readonly [tone: Tone, text: string]>> = {
  equal: ["ok", "the same"],
  ahead: ["info", "not pushed yet"],
  behind: ["info", "follows with the next sync"],
  diverged: ["warn", "needs you: each has commits of its own"],
  rewritten: ["warn", "needs you: its history was rewritten there"],
};

/** How the hub's branches stand to those of the repository's address. */
export function UpstreamCard({ repository: { name, upstream, upstreamSync } }: { repository: RepositoryView }) {
  const query = useQuery(ask("upstreamBranches", { params: { repo: name } }));
  const maySync = useMay("submitter");
  const sync = useAct("syncRepository");
  return (
    <Card
      title="Its address"
      flush
      side={
        maySync && (
          <Button small onClick={() => sync.mutate({ params: { repo: name }, body: {} })} disabled={sync.isPending}>
            {sync.isPending ? "Syncing …" : "Sync now"}
          </Button>
        )
      }
    >
      <div className={css["note"]}>
        <p className={css["muted"]}>
          {upstream.push === "landed" ? "What lands is pushed there." : "Nothing is pushed there by itself."}{" "}
          {upstream.syncEveryMs === null ? "It is fetched on demand." : "It is fetched by the clock too."}
        </p>
        {upstreamSync.error && (
          <FailureNote
            failure={{ ...upstreamSync.error, hint: `${plural(upstreamSync.failures, "try", "tries")} in a row failed.` }}
            title="It was out of reach."
          />
        )}
        {sync.error && <FailureNote failure={sync.error} title="The sync failed." />}
        {sync.data && (
          <Note
            tone="ok"
            title={
              sync.data.moves.length === 0
                ? "Synced: nothing had moved."
                : `Synced: ${sync.data.moves.map(({ branch, what }) => `${branch} ${what}`).join(", ")}.`
            }
          />
        )}
      </div>
      <Known query={query} what="the branches">
        {({ branches }) =>
          branches.length === 0 ? (
            <Empty title="No branches yet.">They are here when the address was fetched for the first time.</Empty>
          ) : (
            <ul className={css["rows"]}>
              {branches
                .toSorted((a, b) => rank(a) - rank(b))
                .map((branch) => (
                  <Branch key={branch.branch} repo={name} branch={branch} />
                ))}
            </ul>
          )
        }
      </Known>
    </Card>
  );
}

/** Those that wait for a person first. */
function rank({ state }: UpstreamBranch): number {
  return { diverged: 0, rewritten: 0, ahead: 1, behind: 1, equal: 2 }[state];
}

function Branch({ repo, branch: { branch, state, hubOid, upstreamOid, ahead, behind } }: { repo: string; branch: UpstreamBranch }) {
  const mayResolve = useMay("admin");
  const [take, setTake] = useState<"upstream" | "hub" | null>(null);
  const resolve = useAct("resolveUpstream");
  const [tone, text] = WORDS[state];
  const needsPerson = state === "diverged" || state === "rewritten";
  return (
    <li className={css["car"]}>
      <span>
        <strong>{branch}</strong> <code className={css["muted"]}>{hubOid.slice(0, 8)}</code>
      </span>
      <span>
        <Badge tone={tone}>{text}</Badge>
      </span>
      <span className={css["detail"]}>
        {upstreamOid === null
          ? "not at the address"
          : state === "equal"
            ? ""
            : `the hub alone has ${plural(ahead, "commit")}, the address ${plural(behind, "commit")}`}
      </span>
      {needsPerson && mayResolve && (
        <span className={css["acts"]}>
          <Button small onClick={() => setTake("upstream")}>
            Take what the address has …
          </Button>
          <Button small onClick={() => setTake("hub")}>
            Take what the hub has …
          </Button>
        </span>
      )}
      <Confirm
        open={take !== null}
        onClose={() => setTake(null)}
        title={take === "upstream" ? `${branch}: take what the address has?` : `${branch}: take what the hub has?`}
        verb={take === "upstream" ? "Take the address's" : "Take the hub's"}
        danger
        busy={resolve.isPending}
        failure={resolve.error}
        onConfirm={() => take !== null && resolve.mutate({ params: { repo }, body: { branch, take } }, { onSuccess: () => setTake(null) })}
      >
        <p>
          {take === "upstream"
            ? `The hub's branch becomes what the address has: ${plural(ahead, "commit")} of the hub ${ahead === 1 ? "is" : "are"} no longer on it.`
            : `The address's branch becomes what the hub has, by a push: ${plural(behind, "commit")} of the address ${behind === 1 ? "is" : "are"} no longer on it.`}
        </p>
        <p>What gives way is kept under a ref of the hub.</p>
      </Confirm>
    </li>
  );
}
