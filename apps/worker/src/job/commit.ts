import { mkdir, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { commitScript, prepareCommitFolder, type TakenCommit, takeCommit } from "@slipway/git/commit";
import { tellsOfFullDisk } from "@slipway/git/exec";
import type { WorkerRepository } from "@slipway/git/repository";
import { together } from "@slipway/git/together";
import { SlipwayError } from "@slipway/protocol/errors";
import type { JobView } from "@slipway/protocol/job";
import { type LandingIdentity, landingIdentity } from "@slipway/protocol/landing-author";
import type { AttemptContext, Journal } from "../attempt/context.ts";
import type { Sandbox } from "../sandbox/sandbox.ts";
import { type Deadline, monotonicMs } from "./deadline.ts";
import { inPhase, Parts } from "./phase.ts";
import { lastLines, plainText } from "./plain-text.ts";
import { readRepositoryConfig } from "./repository-config.ts";

/** Bounds of what a job may add to the repository. */
const LIMITS = { packBytes: 512 * 1_048_576, objects: 200_000 };
const COMMITTER = { name: "Slipway", email: "slipway@localhost" };

/** A commit is made again after each turn by which its agent mends what a check refused; counted from 0. */
type Take = number;

function commitStep(take: Take): string {
  return take === 0 ? "commit" : `commit-${take}`;
}

/** Whether an earlier life of this worker already made the commit. */
export function hasCommit(context: AttemptContext, take: Take = 0): boolean {
  return context.journal.has(commitStep(take));
}

/** The commit of an earlier life of this worker. */
export async function recordedCommit(context: AttemptContext, take: Take = 0): Promise<TakenCommit> {
  return await inPhase(context, "commit", `${commitStep(take)}:phase`, () => recordedCommitIn(context.journal, take));
}

/** The commit that the attempt has made, whichever life of this worker it was. */
export async function recordedCommitIn(journal: Journal, take: Take = 0): Promise<TakenCommit> {
  return await journal.step(commitStep(take), async () => {
    throw new SlipwayError("INTERNAL", "The attempt's journal holds no commit.");
  });
}

/**
 * Ends the agent's sandbox and makes the job's commit from the workspace. When every process of the agent is dead, git runs inside a fresh one-shot,
 * with the agent's rights and no network, and only a bounded, checked pack comes out. COMMIT_INVALID, SCOPE_VIOLATION (a nested repository).
 */
export async function endAndCommit(
  context: AttemptContext,
  sandbox: Sandbox,
  repository: WorkerRepository,
  deadline: Deadline,
  take: Take = 0,
): Promise<TakenCommit> {
  const { signal } = context;
  const make = (parts: Parts): Promise<TakenCommit> => makeCommit(context, sandbox, repository, { timeoutMs: () => deadline.commitMs(), signal }, parts);
  return await inPhase(context, "commit", `${commitStep(take)}:phase`, (parts) => context.journal.step(commitStep(take), () => make(parts)));
}

/** The same for an attempt that has failed: without a phase, as its own failure is what is told of, and once over restarts. */
export async function endAndCommitKept(
  context: AttemptContext,
  sandbox: Sandbox,
  repository: WorkerRepository,
  limitMs: number,
  signal: AbortSignal,
): Promise<TakenCommit> {
  return await context.journal.step("kept:commit", () => makeCommit(context, sandbox, repository, { timeoutMs: () => limitMs, signal }, new Parts()));
}

/** How long the commit's script may take, asked for at its start, and what ends all of it. */
interface CommitLimits {
  readonly timeoutMs: () => number;
  readonly signal: AbortSignal;
}

async function makeCommit(
  context: AttemptContext,
  sandbox: Sandbox,
  repository: WorkerRepository,
  { timeoutMs, signal }: CommitLimits,
  parts: Parts,
): Promise<TakenCommit> {
  const { job } = context.claim;
  const out = commitFolder(context);
  await clearCommitFolder(out);
  // What the script finds in its folder comes from the daemon's own stores, none of it from the agent: it need not wait for the agent's end. Nor need its
  // sandbox, which is empty until then.
  const ready = together(
    signal,
    () => parts.time("end", () => sandbox.end()),
    () => parts.time("folder", () => prepareCommitFolder(repository, context.paths.workspace, out, job.baseOid)),
  );
  let readyAtMs = 0;
  const after = ready.then(() => {
    readyAtMs = monotonicMs();
  });
  try {
    await runCommitScript(context, sandbox, repository, out, { timeoutMs: timeoutMs(), after }, signal);
    parts.add("script", monotonicMs() - readyAtMs);
  } finally {
    // Where no sandbox could be made for the script, the agent's has still to end.
    await Promise.allSettled([after]);
  }
  const taken = { out, baseOid: job.baseOid, limits: LIMITS, signal };
  const { landing } = await readRepositoryConfig(repository, job.baseOid);
  const who = (entry: string): LandingIdentity => landingIdentity(entry, job.backend, job.submitter);
  const names = { author: who(landing.author), committer: COMMITTER, coAuthors: landing.coAuthors.map(who) };
  const request = { ...taken, message: commitMessage(job), ...names, trailers: trailersOf(context) };
  return await parts.time("take", () => takeCommit(repository, request));
}

function commitFolder({ paths }: AttemptContext): string {
  return join(paths.work, "commit");
}

/** Network and mounts of the commit's one-shot. */
function commitShape({ record }: Sandbox, out: string) {
  const inside = record.kind === "none" ? out : "/commit";
  return { network: "none", mounts: [{ host: out, inside, writable: true }] } as const;
}

/** Has what takes time to start for the commit started now: it will soon be made. Nothing of it sees the agent, and it runs nothing before its end. */
export async function expectCommit(context: AttemptContext, sandbox: Sandbox): Promise<void> {
  if (!sandbox.expect) return;
  const out = commitFolder(context);
  await mkdir(out, { recursive: true, mode: 0o700 });
  sandbox.expect(commitShape(sandbox, out));
}

async function clearCommitFolder(out: string): Promise<void> {
  await mkdir(out, { recursive: true, mode: 0o700 });
  // The folder itself stays: a sandbox that was started ahead may have it mounted.
  for (const name of await readdir(out)) await rm(join(out, name), { recursive: true, force: true });
}

async function runCommitScript(
  context: AttemptContext,
  sandbox: Sandbox,
  repository: WorkerRepository,
  out: string,
  { timeoutMs, after }: { timeoutMs: number; after: Promise<unknown> },
  signal: AbortSignal,
): Promise<void> {
  const shape = commitShape(sandbox, out);
  const inside = shape.mounts[0].inside;
  const result = await sandbox.run(
    {
      argv: ["sh", "-c", commitScript()],
      env: {
        PATH: sandbox.inside.path,
        HOME: "/nonexistent",
        LC_ALL: "C",
        BASE_OID: context.claim.job.baseOid,
        OUT: inside,
        INDEX: `${inside}/index`,
        OBJECTS: repository.upstreamObjects.join(":"),
        WORKSPACE: sandbox.inside.workspace,
      },
      ...shape,
      timeoutMs,
      outputLimitBytes: 65_536,
      after,
    },
    signal,
  );
  signal.throwIfAborted();
  if (result.exitCode === 0) return;
  const how = result.timedOut ? "ran out of time" : `ended with exit code ${result.exitCode}`;
  const words = lastLines(plainText(context.masks.bytes(result.output)), 20, 4_000);
  const details = { exitCode: result.exitCode, timedOut: result.timedOut, lastLines: words };
  if (tellsOfFullDisk(words)) throw new SlipwayError("DISK_FULL", undefined, details);
  throw new SlipwayError("COMMIT_INVALID", `Making the commit ${how}.`, details);
}

/** Title and task; where the task begins with the title, that is not said twice. */
function commitMessage(job: JobView): string {
  const title = oneLine(job.title) || "Change by Slipway";
  const [first = "", ...rest] = job.task.trim().split("\n");
  const body = (oneLine(first) === title ? rest.join("\n") : job.task).trim();
  return body === "" ? title : `${title}\n\n${body}`;
}

function oneLine(text: string): string {
  return text.replace(/\s+/g, " ").trim();
}

function trailersOf(context: AttemptContext): Record<string, string> {
  const { job, fence } = context.claim;
  return { "Slipway-Job": job.id, "Slipway-Attempt": String(fence), "Slipway-Backend": job.backend };
}
