import { diffPatch } from "@slipway/git/hub";
import { parentOf } from "@slipway/git/hub-merges";
import { readNumstat } from "@slipway/git/numstat";
import { SlipwayError } from "@slipway/protocol/errors";
import type { JobEvent } from "@slipway/protocol/events";
import { type ArtifactView, MADE_ARTIFACTS, type MadeArtifact } from "@slipway/protocol/evidence";
import { ANSWER_ARTIFACT, type JobDetail, type JobView, workOf } from "@slipway/protocol/job";
import { isFinal } from "@slipway/protocol/states";
import type { ControlPlane } from "../control-plane.ts";
import { hubRoot } from "../hub/hub-folder.ts";
import { findChange } from "../jobs/find-change.ts";
import { readRepositoryConfig } from "../jobs/repository-config.ts";
import { fileMetrics } from "./file-kinds.ts";
import { readAllEvents } from "./read-all-events.ts";
import { readScorecard, workedBy } from "./scorecard.ts";
import { spansOf } from "./spans.ts";
import { transcriptOf } from "./transcript.ts";

/** Made of the hub: they need a change that is kept there. */
const OF_CHANGE: ReadonlySet<MadeArtifact> = new Set(["patch.diff", "numstat.txt", "files.json"]);

/** What a job has to be looked at: of each name that its attempts stored the newest, and what can be made of it. */
export function listArtifacts(detail: JobDetail): ArtifactView[] {
  const newest = new Map(detail.artifacts.toSorted((a, b) => a.fence - b.fence).map((artifact) => [artifact.name, artifact]));
  const stored = [...newest.values()].map(
    ({ name, bytes, sha256, at, fence }): ArtifactView => ({ name, what: whatIs(name), bytes, sha256, at: at ?? null, fence }),
  );
  const hasChange = workOf(detail) !== null;
  const made = Object.entries(MADE_ARTIFACTS).filter(([name]) => (hasChange || !OF_CHANGE.has(name as MadeArtifact)) && !newest.has(name));
  return [...stored, ...made.map(([name, what]): ArtifactView => ({ name, what, bytes: null, sha256: null, at: null, fence: null }))];
}

function whatIs(name: string): string {
  if (name === ANSWER_ARTIFACT) return "the answer of a read-only job";
  if (name === "setup.log") return "the whole output of the setup";
  const gate = /^gate-(.+)-(\d+)\.log$/.exec(name);
  if (gate) return `the whole output of the gate ${gate[1]}, run ${Number(gate[2]) + 1}`;
  if (/cassette/.test(name)) return "the recording of its model calls";
  return "stored by its attempt";
}

/** Makes one; NOT_FOUND where what it is made of is not there, or no longer. */
export async function makeArtifact(plane: ControlPlane, detail: JobDetail, name: MadeArtifact): Promise<Buffer> {
  return Buffer.from(await MAKERS[name](plane, detail));
}

const MAKERS: { readonly [N in MadeArtifact]: (plane: ControlPlane, detail: JobDetail) => Promise<string> } = {
  "patch.diff": async (plane, detail) => await patchOf(plane, detail),
  "numstat.txt": async (plane, detail) => {
    const files = await statsOf(plane, detail);
    return files.map(({ added, removed, path }) => `${added ?? "-"}\t${removed ?? "-"}\t${path.replaceAll("\n", "\\n")}\n`).join("");
  },
  "files.json": async (plane, detail) => {
    const { job } = detail;
    const { checks } = await readRepositoryConfig(hubRoot(plane.folder, job.repo.id), job.baseOid);
    return document(fileMetrics(await statsOf(plane, detail), checks.testPaths));
  },
  "checks.json": async (plane, detail) => {
    const events = await eventsOf(plane, detail);
    return document(saidOf(events, "check"));
  },
  "critics.json": async (plane, detail) => document(saidOf(await eventsOf(plane, detail), "critic")),
  "usage.json": async (plane, detail) => {
    const work = await workedBy(plane, detail);
    const events = await eventsOf(plane, detail);
    const calls = events.flatMap((event) => (event.kind === "model-call" ? [{ at: iso(event.at), ...event.data }] : []));
    return document({ usage: work.job.usage, budget: work.job.budget, calls });
  },
  "phases.json": async (plane, detail) => document(spansOf(detail, (await readAllEvents(plane.store, detail.job.id)).events)),
  "scorecard.json": async (plane, detail) => document(await readScorecard(plane, detail)),
  "transcript.md": async (plane, detail) => transcriptOf(detail.job, await eventsOf(plane, detail)),
};

/** Which change of a job is looked at, and against what. */
export interface AskedDiff {
  readonly change?: string | undefined;
  readonly since?: string | undefined;
  readonly binary?: "whole" | "names";
}

/** A change of the job as a patch; NOT_FOUND where there is none, or where the hub has it no longer. */
export async function patchOf(plane: ControlPlane, detail: JobDetail, { change, since, binary = "whole" }: AskedDiff = {}): Promise<string> {
  const { job } = detail;
  const root = hubRoot(plane.folder, job.repo.id);
  const asked = change === undefined ? workOf(detail) : findChange(detail, change, "change").oid;
  const from = since === undefined ? undefined : findChange(detail, since, "since").oid;
  return await fromHub(detail, async (oid) => await diffPatch(root, from ?? (await madeOn(root, job, oid)), oid, binary), asked);
}

async function statsOf(plane: ControlPlane, detail: JobDetail) {
  const { job } = detail;
  const root = hubRoot(plane.folder, job.repo.id);
  return await fromHub(detail, async (oid) => await readNumstat(root, await madeOn(root, job, oid), oid));
}

/** What a commit of the job was made on. A job that goes back to its agent has another base from then on. */
export async function madeOn(root: string, job: JobView, oid: string): Promise<string> {
  return (await parentOf(root, oid)) ?? job.baseOid;
}

async function fromHub<T>(detail: JobDetail, read: (oid: string) => Promise<T>, oid = workOf(detail)): Promise<T> {
  const { job } = detail;
  if (oid === null) throw new SlipwayError("NOT_FOUND", `Job ${job.number} has no change to show; it is ${job.state}.`, { job: job.id, state: job.state });
  return await read(oid).catch((error: unknown) => {
    if (!isFinal(job.state) || !(error instanceof SlipwayError) || error.code !== "BASE_NOT_FOUND") throw error;
    const hint = "The hub keeps the commits of a job for a while after its end; what landed is on its branch.";
    throw new SlipwayError("NOT_FOUND", `The change of job ${job.number} is no longer kept.`, { job: job.id, state: job.state, hint }, { cause: error });
  });
}

/** Of the job whose agent did the work; NOT_FOUND where they are no longer kept. */
async function eventsOf(plane: ControlPlane, detail: JobDetail): Promise<readonly JobEvent[]> {
  const { job } = await workedBy(plane, detail);
  const { events } = await readAllEvents(plane.store, job.id);
  if (events.length > 0) return events;
  const hint = "A job's events go some time after its end (SLIPWAY_RETENTION_DAYS).";
  throw new SlipwayError("NOT_FOUND", `The events of job ${job.number} are no longer kept.`, { job: job.id, state: job.state, hint });
}

/** What checks or critics said, with the attempt and the number of its change that they said it of: the check `change` is the first of each. */
function saidOf(events: readonly JobEvent[], kind: "check" | "critic"): unknown[] {
  const changes = new Map<number, number>();
  return events.flatMap((event) => {
    const fence = event.fence ?? 0;
    if (event.kind === "check" && event.data.name === "change") changes.set(fence, (changes.get(fence) ?? 0) + 1);
    return event.kind === kind ? [{ attempt: event.fence, change: changes.get(fence) ?? null, at: iso(event.at), ...event.data }] : [];
  });
}

function document(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}

function iso(at: number): string {
  return new Date(at).toISOString();
}
