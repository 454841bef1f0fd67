import type { JobView } from "@slipway/protocol/job";
import { useState } from "react";
import { useAct } from "../../../api/queries.ts";
import { useMay } from "../../../api/session.tsx";
import { Badge, type Tone } from "../../../parts/badge.tsx";
import { Button } from "../../../parts/button.tsx";
import { Confirm } from "../../../parts/dialog.tsx";
import { FailureNote } from "../../../parts/states.tsx";
import css from "../job.module.css";
import { isWebAddress } from "../web-address.ts";

const TONES: Readonly<Record<string, Tone>> = {
  open: "info",
  draft: "idle",
  merged: "ok",
  closed: "idle",
  blocked: "warn",
  pushing: "info",
  opening: "info",
  delivered: "ok",
  withdrawn: "idle",
};

/** The job's branch and pull request outside of the hub, and what can be done with them. */
export function PullRequest({ job }: { job: JobView }) {
  const may = useMay("submitter");
  const sync = useAct("syncPullRequest");
  const close = useAct("closePullRequest");
  const [closing, setClosing] = useState(false);
  const { delivery } = job;
  if (!delivery) return null;
  const { pullRequest, branch, state } = delivery;
  const isOpen = pullRequest?.state === "open" || pullRequest?.state === "draft";
  const params = { job: job.id };
  return (
    <section className={css["line"]} aria-label="Pull request">
      {pullRequest ? (
        <>
          {isWebAddress(pullRequest.url) ? (
            <a href={pullRequest.url} target="_blank" rel="noreferrer noopener">
              Pull request {pullRequest.number}
            </a>
          ) : (
            <span>Pull request {pullRequest.number}</span>
          )}
          <Badge tone={TONES[pullRequest.state] ?? "idle"}>{pullRequest.state}</Badge>
        </>
      ) : (
        <Badge tone={TONES[state] ?? "idle"}>{state}</Badge>
      )}
      <span>
        branch <code>{branch}</code>
      </span>
      {may && pullRequest && (
        <Button small disabled={sync.isPending} onClick={() => sync.mutate({ params, body: {} })}>
          {sync.isPending ? "Looking …" : "Look at it now"}
        </Button>
      )}
      {may && isOpen && (
        <Button small look="danger" onClick={() => setClosing(true)}>
          Close it
        </Button>
      )}
      {sync.data && <span role="status">{sync.data.note}</span>}
      {sync.error && <FailureNote failure={sync.error} />}
      <Confirm
        open={closing}
        onClose={() => setClosing(false)}
        title={`Close pull request ${pullRequest?.number ?? ""} unmerged?`}
        verb="Close it"
        danger
        busy={close.isPending}
        failure={close.error}
        onConfirm={() => close.mutate({ params, body: {} }, { onSuccess: () => setClosing(false) })}
      >
        Its branch stays, and nothing of it is merged.
      </Confirm>
    </section>
  );
}
