import type { JobDetail } from "@slipway/protocol/job";
import { changesOf } from "@slipway/protocol/job-changes";
import { isFinal } from "@slipway/protocol/states";
import { useQuery } from "@tanstack/react-query";
import { useNavigate, useRouterState, useSearch } from "@tanstack/react-router";
import { useMemo } from "react";
import { callText } from "../../../api/call.ts";
import type { ApiFailure } from "../../../api/failure.ts";
import { Copy } from "../../../parts/copy.tsx";
import { Empty, Known } from "../../../parts/states.tsx";
import { ChangesBar } from "./changes-bar.tsx";
import { Files } from "./files.tsx";
import { parsePatch } from "./parse-patch.ts";
import { readPlace } from "./place.ts";

/** The change of a job: its files and lines, what critics and checks said of them, and comments that go back to the agent. */
export function DiffTab({ detail }: { detail: JobDetail }) {
  const { job } = detail;
  const changes = useMemo(() => changesOf(detail), [detail]);
  const search: Readonly<Record<string, string | undefined>> = useSearch({ strict: false });
  const hash = useRouterState({ select: ({ location }) => location.hash });
  const navigate = useNavigate();
  const newest = changes.at(-1);
  const shown = changes.find(({ id }) => id === search["change"]) ?? newest;
  const since = changes.find(({ id }) => id === search["since"] && id !== shown?.id);
  const query = useQuery<string, ApiFailure>({
    // Not by the job's name: of one at work each event would have it read again, and a commit never changes.
    queryKey: ["jobDiff", { of: job.id }, shown?.oid ?? null, since?.oid ?? null],
    queryFn: async ({ signal }) => {
      const asked = { ...(shown ? { change: shown.id } : {}), ...(since ? { since: since.id } : {}), binary: "names" as const };
      return await callText("jobDiff", { params: { job: job.id }, query: asked }, signal);
    },
    enabled: shown !== undefined,
  });
  const place = useMemo(() => readPlace(decoded(hash)), [hash]);
  const go = (next: { change?: string; since?: string; hash?: string }): void => {
    const { hash: to, ...rest } = next;
    const kept = Object.fromEntries(Object.entries({ ...search, ...rest }).filter(([, value]) => value !== "" && value !== undefined));
    void navigate({ to: ".", search: kept as never, hash: to ?? "", replace: true, resetScroll: false, hashScrollIntoView: false });
  };
  if (!shown) return <NoChange detail={detail} />;
  return (
    <>
      <ChangesBar changes={changes} change={shown.id} since={since?.id ?? ""} onPick={go} />
      <Known query={query} what="the change">
        {(patch) => (
          <Patch
            key={`${shown.id} ${since?.id}`}
            patch={patch}
            {...{ detail, place }}
            change={shown}
            isNewest={shown === newest && !since}
            onPlace={(to) => go({ hash: to })}
          />
        )}
      </Known>
    </>
  );
}

/** Read once, however often what surrounds it is drawn. */
function Patch({ patch, ...rest }: { patch: string } & Omit<Parameters<typeof Files>[0], "files">) {
  const files = useMemo(() => parsePatch(patch), [patch]);
  if (files.length === 0) return <Empty title="The two have the same files." />;
  return <Files files={files} {...rest} />;
}

function NoChange({ detail: { job } }: { detail: JobDetail }) {
  if (job.readOnly) return <Empty title="This job changes nothing: its result is an answer." />;
  if (!isFinal(job.state))
    return (
      <Empty title="There is no change yet.">
        <p>It is here when the agent has finished and gates and checks have passed; what they refuse is kept and shown too.</p>
      </Empty>
    );
  return (
    <Empty title="Nothing of its agent’s work is kept.">
      <p>Do the task again:</p>
      <Copy text={`slipway retry ${job.number}`} />
    </Empty>
  );
}

function decoded(hash: string): string {
  try {
    return decodeURIComponent(hash);
  } catch {
    return hash;
  }
}
