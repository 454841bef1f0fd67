import { isAncestor } from "@slipway/git/hub";
import { readUpstreamBranch } from "@slipway/git/push-branch";
import type { Explanation, JobView } from "@slipway/protocol/job";
import { predictedText, revisionText } from "@slipway/protocol/revisions";
import { isFinal } from "@slipway/protocol/states";
import { hubRoot } from "../../hub/hub-folder.ts";
import { explainBlocked, explainRunning } from "./attempt.ts";
import { explainIntegrating } from "./integrating.ts";
import { failureText, hintOf, type Known } from "./part.ts";
import { explainQueued } from "./queued.ts";

/** Why the job is where it is: who has to act, until when, and what would move it on. There is an answer for every state. */
export async function explainJob(plane: Known, job: JobView): Promise<Explanation> {
  const part = await partOf(plane, job);
  return { state: job.state, ...part, reason: `${part.reason}${landingNote(job)}`, candidates: job.routing?.candidates ?? [] };
}

async function partOf(plane: Known, job: JobView): Promise<Omit<Explanation, "state" | "candidates">> {
  switch (job.state) {
    case "queued":
      return await explainQueued(plane, job);
    case "running":
      return await explainRunning(plane, job);
    case "integrating":
      return await explainIntegrating(plane, job);
    case "blocked":
      return explainBlocked(job);
    case "done":
      return await explainDone(plane, job);
    case "failed":
      return {
        owner: "nobody",
        deadline: null,
        reason: failureText(job, "The job failed."),
        unblock: `${hintOf(job)} \`slipway retry ${job.number}\` submits it again.`,
      };
    case "cancelled":
      return {
        owner: "nobody",
        deadline: null,
        reason: failureText(job, "The job was cancelled."),
        unblock: `\`slipway retry ${job.number}\` submits it again.`,
      };
  }
}

/** Of a job on its way: that its change goes back and forth, and what may still come. */
function landingNote({ state, revision, predicted }: JobView): string {
  if (isFinal(state)) return "";
  const notes = [
    ...(revision ? [`This is ${revisionText(revision)}.`] : []),
    ...predicted.map((one) => `It is foreseen that its change ${predictedText(one)}.`),
  ];
  return notes.map((note) => ` ${note}`).join("");
}

/** It is done whether or not what landed is at the repository's own address; but whoever waits for it there learns why it is not. */
async function explainDone(plane: Known, job: JobView): Promise<Omit<Explanation, "state" | "candidates">> {
  const done = { owner: "nobody", deadline: null, reason: doneText(job), unblock: "Nothing: the job is done." } as const;
  if (job.landedOid === null) return done;
  const repository = await plane.store.getRepository(job.repo.id);
  if (!repository || repository.url === null || repository.upstream.push !== "landed") return done;
  const root = hubRoot(plane.folder, repository.id);
  const there = await readUpstreamBranch(root, job.target);
  if (there !== null && (await isAncestor(root, job.landedOid, there))) return done;
  const { error, nextAt } = repository.upstreamSync;
  const next = nextAt === null ? "" : ` The next try comes at ${new Date(nextAt).toISOString()}.`;
  const why = error === null ? "it is pushed with the next sync." : `the last try ended with ${error.code}: ${error.message}${next}`;
  return {
    ...done,
    reason: `${done.reason} It is not at the repository's address yet: ${why}`,
    unblock: `\`slipway repos show ${repository.name}\` says what is in the way, and \`slipway repos sync ${repository.name}\` tries now. The job is done.`,
  };
}

function doneText(job: JobView): string {
  if (job.kind === "verify") return "Every gate ran on the merged tree; its receipts say how.";
  if (job.landedOid) return `It landed on ${job.target} as ${job.landedOid}.`;
  if (job.delivery?.pullRequest) return `Its pull request is ${job.delivery.pullRequest.state}: ${job.delivery.pullRequest.url}`;
  if (job.delivery) return `Its branch ${job.delivery.branch} is at the repository's address, with ${job.delivery.oid}.`;
  return job.landing === "none" && job.resultOid ? `Nothing was to land: its commit ${job.resultOid} is on the hub.` : "It is done.";
}
