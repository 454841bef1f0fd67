import type { WorkerRepository } from "@slipway/git/repository";
import { together } from "@slipway/git/together";
import { JobPrompts } from "@slipway/prompts/job-prompts";
import { configOfKind } from "@slipway/protocol/config-of-kind";
import type { RepositoryConfig } from "@slipway/protocol/repository-config";
import type { McpServers } from "@slipway/protocol/turn-settings";
import type { AttemptContext } from "../attempt/context.ts";
import type { Sandbox } from "../sandbox/sandbox.ts";
import type { Judgement } from "./checks.ts";
import { hasCommit } from "./commit.ts";
import { continuedWork } from "./continued-work.ts";
import { type Deadline, monotonicMs, openDeadline } from "./deadline.ts";
import { isTakenOver } from "./handover.ts";
import { bringImages } from "./job-images.ts";
import { tellNeededHosts } from "./needed-hosts.ts";
import { inPhase, type Parts } from "./phase.ts";
import { bringCommit, makeBase, openRepository, type WorkspaceSource } from "./prepare.ts";
import { readPromptBook } from "./prompts.ts";
import { readRepositoryConfig } from "./repository-config.ts";
import { expectSecrets } from "./secrets.ts";
import { prepareFiles, type SetupRequest } from "./setup.ts";
import { imageText, tellPassedOver } from "./tell-image.ts";
import { turnKey } from "./turn-key.ts";

/** What the steps of a task share once it is prepared. */
export interface Task {
  readonly repository: WorkerRepository;
  /** As the job's kind has it. */
  readonly config: RepositoryConfig;
  readonly prompts: JobPrompts;
  readonly setup: SetupRequest;
  readonly deadline: Deadline;
  /** The agent's sandbox; undefined where an earlier life of this worker has made the commit already. */
  sandbox: Sandbox | undefined;
  /** Which commit the agent works for: one more whenever a check has refused the one before. */
  take: number;
  /** How often the gates have run, and what came of it last. */
  progress: Progress;
  /** The commits that were refused so far, by their takes. */
  readonly refused: Judgement[];
  /** Failures of gates that this life of the worker has judged already. */
  readonly seenFailures: Set<string>;
}

/** Of all turns of an attempt: what ends the repairs. */
export interface Progress {
  /** Of the last run of the gates, counted from 0; the turn before it has one more. */
  readonly round: number;
  /** What was wrong when the last turn began; a repair that leaves the very same is the last. */
  readonly failure?: string;
}

/** The workspace and the agent's sandbox, made at the same time: the sandbox needs a fifth of a second, and only the stores' place to begin. */
export async function prepareTask(context: AttemptContext): Promise<Task> {
  const { job } = context.claim;
  const startedAtMs = await context.journal.step("started", async () => context.takenUpAtMs);
  // The gates are in a file of the repository that is only now brought here.
  const early = openDeadline({ timeoutMs: job.timeoutMs, gateTimeoutsMs: [] }, startedAtMs, monotonicMs);
  const prepare = async (parts: Parts): Promise<Task> => {
    parts.add("open", monotonicMs() - context.takenUpAtMs);
    await tellPassedOver(context);
    await expectSecrets(context, turnKey(1));
    const repository = await parts.time("stores", () => openRepository(context, early));
    let sandbox: Sandbox | undefined;
    const startSandbox = async (): Promise<void> => {
      if (hasCommit(context)) return;
      sandbox = await parts.time("sandbox", () => context.agentSandbox([...context.toolchains, ...repository.upstreamObjects]));
    };
    try {
      const makeWorkspace = () => prepareWorkspace(context, repository, early, parts);
      const [{ config, prompts, setup }] = job.readOnly
        ? // A mount that a sandbox may only read has to be there before it.
          [await makeWorkspace(), await startSandbox()]
        : await together(context.signal, makeWorkspace, startSandbox);
      await tellNeededHosts(context, config.egress.turn);
      if (sandbox && job.images.length > 0) await parts.time("images", () => bringImages(context));
      const gates = job.readOnly ? [] : config.gates;
      const gateTimeoutsMs = gates.map((gate) => gate.timeoutSeconds * 1_000);
      const deadline = openDeadline({ timeoutMs: job.timeoutMs, gateTimeoutsMs }, startedAtMs, monotonicMs);
      return { repository, config, prompts, setup, sandbox, deadline, take: 0, progress: { round: 0 }, refused: [], seenFailures: new Set() };
    } catch (error) {
      await sandbox?.end();
      throw error;
    }
  };
  return await inPhase(context, "prepare", "prepare", prepare, { sinceMs: startedAtMs, detailOf: () => imageText(context) });
}

/** The workspace at the job's base, and what the repository says of itself there. */
async function prepareWorkspace(
  context: AttemptContext,
  repository: WorkerRepository,
  deadline: Deadline,
  parts: Parts,
): Promise<Pick<Task, "config" | "prompts" | "setup">> {
  const { job } = context.claim;
  const { review } = job.taskSpec;
  const source: WorkspaceSource = { oid: job.baseOid, from: review?.from ?? "upstream" };
  // What is reviewed has no say in how.
  const trustedOid = review?.baseOid ?? source.oid;
  await parts.time("fetch", () => bringCommit(context, repository, source, deadline));
  if (review) await bringCommit(context, repository, { oid: trustedOid, from: "upstream" }, deadline);
  // With all that it was made on.
  if (job.revision) await bringCommit(context, repository, { oid: job.revision.workOid, from: "jobs" }, deadline);
  const continued = continuedWork(job);
  if (continued !== undefined) await bringCommit(context, repository, { oid: continued, from: "jobs" }, deadline);
  const takenOver = isTakenOver(job) ? job.handover?.oid : undefined;
  if (takenOver) await bringCommit(context, repository, { oid: takenOver, from: "jobs" }, deadline);
  const [[config, book]] = await together(
    context.signal,
    async () => {
      const read = await readRepositoryConfig(repository, trustedOid);
      return [configOfKind(job, read), await readPromptBook(repository, trustedOid, read)] as const;
    },
    async () => {
      if (context.shared) await parts.time("base", () => makeBase(context, repository, source));
    },
  );
  const plan = await parts.time("workspace", () => prepareFiles(context, repository, source, config));
  return { config, prompts: new JobPrompts(book, job, config), setup: { repository, source, config, plan } };
}

/** The repository's too, for an agent that can have them: a job asks for its own alone. */
export function serversOf({ claim, manifest }: AttemptContext, { mcpServers }: RepositoryConfig): McpServers {
  return manifest?.capabilities.mcp ? { ...mcpServers, ...claim.job.mcpServers } : claim.job.mcpServers;
}
