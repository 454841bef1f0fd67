import type { TakenCommit } from "@slipway/git/commit";
import type { WorkerRepository } from "@slipway/git/repository";
import { together } from "@slipway/git/together";
import { SlipwayError } from "@slipway/protocol/errors";
import { ANSWER_ARTIFACT } from "@slipway/protocol/job";
import { fillPrompt } from "@slipway/protocol/prompts";
import type { RepositoryConfig } from "@slipway/protocol/repository-config";
import type { McpServers } from "@slipway/protocol/turn-settings";
import type { Outcome } from "@slipway/protocol/worker-api";
import type { AttemptContext } from "../attempt/context.ts";
import type { Sandbox } from "../sandbox/sandbox.ts";
import { storeArtifact } from "./artifact.ts";
import { type Change, checksFailed, type Judgement, judgeChange } from "./checks.ts";
import { endAndCommit, expectCommit, hasCommit, recordedCommit } from "./commit.ts";
import { type Deadline, monotonicMs, openDeadline } from "./deadline.ts";
import { failuresText, refusalsText } from "./failures-text.ts";
import { GATE_SHAPE, type GateResult, runGates } from "./gates.ts";
import { takeOver } from "./handover.ts";
import { bringImages, imagesOfTurn, withImageNames } from "./job-images.ts";
import { keepWork } from "./keep-work.ts";
import { tellNeededHosts } from "./needed-hosts.ts";
import { inPhase, type Parts } from "./phase.ts";
import { bringCommit, makeBase, openRepository } from "./prepare.ts";
import { pushChange } from "./push.ts";
import { readRepositoryConfig } from "./repository-config.ts";
import { expectSecrets } from "./secrets.ts";
import { prepareFiles, type SetupRequest, setUp } from "./setup.ts";
import { imageText, tellPassedOver } from "./tell-image.ts";
import { runTurn, turnKey } from "./turn.ts";
import { verifyTree } from "./verify.ts";
import { orWorkspaceFull } from "./workspace-full.ts";

/** From a turn's begin, in ms. */
const START_AHEAD_AFTER_MS = 1_000;

/** What the steps of a task share once it is prepared. */
interface Task {
  readonly repository: WorkerRepository;
  readonly config: RepositoryConfig;
  readonly setup: SetupRequest;
  readonly deadline: Deadline;
  /** The agent's sandbox; undefined where an earlier life of this worker has made the commit already. */
  sandbox: Sandbox | undefined;
  /** Which commit the agent works for: one more whenever a check has refused the one before. */
  take: number;
  /** How often the gates have run, and what came of it last. */
  progress: Progress;
}

/** Of all turns of an attempt: what ends the repairs. */
interface Progress {
  /** Of the last run of the gates, counted from 0; the turn before it has one more. */
  readonly round: number;
  /** What was wrong when the last turn began; a repair that leaves the very same is the last. */
  readonly failure?: string;
}

/**
 * One attempt at a job, from its claim to its outcome. Run again with the same journal it goes on where it was: what is done is not done twice.
 * Throws every failure as an error with a code; where the context's signal has aborted, its reason. What was kept of the work then is in the journal
 * (`KEPT_STEP`).
 */
export async function runAttempt(context: AttemptContext): Promise<Outcome> {
  try {
    context.signal.throwIfAborted();
    if (context.claim.verify) return await verifyTree(context, context.claim.verify);
    return context.claim.job.readOnly ? await makeAnswer(context) : await makeChange(context);
  } catch (error) {
    // What broke because everything was ended says less than why it was ended.
    context.signal.throwIfAborted();
    throw await orWorkspaceFull(context, error);
  }
}

/** A task: prepare → setup → (turn ⇄ gates → commit → checks)… → push. What its agent did is kept where it fails. */
async function makeChange(context: AttemptContext): Promise<Outcome> {
  const task = await prepareTask(context);
  try {
    const change = await workUntilAccepted(context, task);
    await pushChange(context, task.repository, change.oid, task.deadline);
    return { kind: "change", oid: change.oid, diffStat: change.diffStat };
  } catch (error) {
    await keepWork(context, task, context.signal.aborted ? context.signal.reason : error);
    throw error;
  }
}

/** A read-only task: prepare → setup → turn → answer. Nothing is gated or committed. READ_ONLY_VIOLATED. */
async function makeAnswer(context: AttemptContext): Promise<Outcome> {
  const task = await prepareTask(context);
  try {
    if (task.sandbox) await letAgentAnswer(context, task, task.sandbox);
    if (hasCommit(context)) requireUnchanged(await recordedCommit(context));
    return { kind: "answer" };
  } catch (error) {
    await keepWork(context, task, context.signal.aborted ? context.signal.reason : error);
    throw error;
  }
}

/** What the checks refuse goes back to the agent, as what the gates refuse does. CHECKS_FAILED, SCOPE_VIOLATION. */
async function workUntilAccepted(context: AttemptContext, task: Task): Promise<Change> {
  let commit = task.sandbox ? await letAgentWork(context, task, task.sandbox) : await recordedAgain(context, task);
  for (;;) {
    const judgement = await judgeChange(context, commit, task);
    if (judgement.refusals.length === 0) return judgement.change;
    const prompt = nextTurnOn(judgement, task);
    task.take += 1;
    commit = hasCommit(context, task.take) ? await recordedAgain(context, task) : await mendChange(context, task, prompt);
  }
}

/** The prompt of a turn that mends what was refused; throws where there is none. */
function nextTurnOn(judgement: Judgement, task: Task): string {
  const { config, deadline, progress } = task;
  const failed = (why: string): SlipwayError => checksFailed(judgement, config.scope, why);
  if (progress.round >= config.repairs) throw failed(triedText(config.repairs));
  const text = refusalsText(judgement.refusals);
  if (progress.failure === text) throw failed("the repair left the very same findings");
  if (!deadline.hasTimeForTurn()) throw failed("there is no time left for a repair");
  task.progress = { ...progress, failure: text };
  return fillPrompt(config.prompts, "repair", text);
}

/** A further turn over the same workspace and home, in a sandbox of its own: that of the turns before ended with their commit. */
async function mendChange(context: AttemptContext, task: Task, prompt: string): Promise<TakenCommit> {
  const sandbox = await context.agentSandbox([...context.toolchains, ...task.repository.upstreamObjects]);
  task.sandbox = sandbox;
  await using _ = sandbox;
  await workUntilGatesPass(context, sandbox, task, { turn: task.progress.round + 2, reason: "repair", prompt });
  return await commitTake(context, sandbox, task);
}

async function commitTake(context: AttemptContext, sandbox: Sandbox, task: Task): Promise<TakenCommit> {
  // Before the commit: a restarted worker goes on behind it, and has to know how many turns there were.
  await context.journal.step(`progress-${task.take}`, async () => task.progress);
  return await endAndCommit(context, sandbox, task.repository, task.deadline, task.take);
}

async function recordedAgain(context: AttemptContext, task: Task): Promise<TakenCommit> {
  task.progress = await context.journal.step(`progress-${task.take}`, async () => task.progress);
  return await recordedCommit(context, task.take);
}

/** The workspace and the agent's sandbox, made at the same time: the sandbox needs a fifth of a second, and only the stores' place to begin. */
async function prepareTask(context: AttemptContext): Promise<Task> {
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
      const [{ config, setup }] = job.readOnly
        ? // A mount that a sandbox may only read has to be there before it.
          [await makeWorkspace(), await startSandbox()]
        : await together(context.signal, makeWorkspace, startSandbox);
      await tellNeededHosts(context, config.egress.turn);
      if (sandbox && job.images.length > 0) await parts.time("images", () => bringImages(context));
      const gates = job.readOnly ? [] : config.gates;
      const gateTimeoutsMs = gates.map((gate) => gate.timeoutSeconds * 1_000);
      const deadline = openDeadline({ timeoutMs: job.timeoutMs, gateTimeoutsMs }, startedAtMs, monotonicMs);
      return { repository, config, setup, sandbox, deadline, take: 0, progress: { round: 0 } };
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
): Promise<{ config: RepositoryConfig; setup: SetupRequest }> {
  const source = { oid: context.claim.job.baseOid, from: "upstream" } as const;
  await parts.time("fetch", () => bringCommit(context, repository, source, deadline));
  const takenOver = context.claim.job.handover?.oid;
  if (takenOver) await bringCommit(context, repository, { oid: takenOver, from: "jobs" }, deadline);
  const [config] = await together(
    context.signal,
    () => readRepositoryConfig(repository, source.oid),
    async () => {
      if (context.shared) await parts.time("base", () => makeBase(context, repository, source));
    },
  );
  const plan = await parts.time("workspace", () => prepareFiles(context, repository, source, config));
  return { config, setup: { repository, source, config, plan } };
}

/** All that happens while the agent's sandbox is there. It is ended before the commit is made, and whatever happens. */
async function letAgentWork(context: AttemptContext, task: Task, agentSandbox: Sandbox): Promise<TakenCommit> {
  await using sandbox = agentSandbox;
  await setUp(context, sandbox, task.setup, task.deadline);
  const asked = withImageNames(fillPrompt(task.config.prompts, "task", context.claim.job.task), imagesOfTurn(context, sandbox));
  const prompt = await takeOver(context, sandbox, { asked, repository: task.repository }, task.deadline);
  await workUntilGatesPass(context, sandbox, task, { turn: 1, reason: "task", prompt });
  return await commitTake(context, sandbox, task);
}

/** The answer is an artifact before the attempt ends. Where no mount keeps the agent from changing something, the commit tells whether it has. */
async function letAgentAnswer(context: AttemptContext, { config, deadline, repository, setup }: Task, agentSandbox: Sandbox): Promise<void> {
  await using sandbox = agentSandbox;
  await setUp(context, sandbox, setup, deadline);
  const prompt = withImageNames(fillPrompt(config.prompts, "readOnly", context.claim.job.task), imagesOfTurn(context, sandbox));
  const text = await runTurn(
    context,
    sandbox,
    { turn: 1, reason: "task", prompt, egress: config.egress.turn, mcpServers: serversOf(context, config) },
    deadline,
  );
  await context.journal.step("answer", async () => {
    await storeArtifact(context, ANSWER_ARTIFACT, Buffer.from(context.masks.text(text)));
    return null;
  });
  if (context.provider.kind === "none") await endAndCommit(context, sandbox, repository, deadline);
}

function requireUnchanged(commit: TakenCommit): void {
  if (commit.empty) return;
  const paths = commit.changes.map(({ path }) => path);
  const named = paths.slice(0, 10).join(", ").slice(0, 2_000);
  throw new SlipwayError("READ_ONLY_VIOLATED", `The agent of a read-only job changed the workspace: ${named}.`, { paths: paths.slice(0, 100) });
}

/** The first turn does the task, further ones mend what the gates reject. GATES_FAILED where the same failure comes twice in a row, or too many do. */
async function workUntilGatesPass(
  context: AttemptContext,
  sandbox: Sandbox,
  task: Task,
  first: Pick<Parameters<typeof runTurn>[2], "turn" | "reason" | "prompt">,
): Promise<void> {
  const { config, deadline } = task;
  const given = { egress: config.egress.turn, mcpServers: serversOf(context, config) };
  await turnWithNext(context, sandbox, task, { ...first, ...given });
  for (let round = first.turn - 1; ; round += 1) {
    const results = await runGates(context, sandbox, config, round, deadline);
    const failed = results.filter((result) => !result.passed);
    task.progress = { ...task.progress, round };
    if (failed.length === 0) return;
    if (round >= config.repairs) throw gatesFailed(context, failed, round, triedText(config.repairs));
    // Whatever the repair did to the files: it was not what the gates are about.
    const failure = failed.map((gate) => gate.failureDigest).join(" ");
    if (failure === task.progress.failure) throw gatesFailed(context, failed, round, "the repair left the very same failure");
    task.progress = { round, failure };
    if (!deadline.hasTimeForTurn()) throw gatesFailed(context, failed, round, "there is no time left for a repair");
    const prompt = fillPrompt(config.prompts, "repair", failuresText(failed.map((gate) => ({ ...gate, output: gate.excerpt }))));
    await turnWithNext(context, sandbox, task, { turn: round + 2, reason: "repair", prompt, ...given });
  }
}

function triedText(repairs: number): string {
  return repairs === 0 ? "no repair is allowed" : repairs === 1 ? "1 repair was tried" : `${repairs} repairs were tried`;
}

/** The repository's too, for an agent that can have them: a job asks for its own alone. */
function serversOf({ claim, manifest }: AttemptContext, { mcpServers }: RepositoryConfig): McpServers {
  return manifest?.capabilities.mcp ? { ...mcpServers, ...claim.job.mcpServers } : claim.job.mcpServers;
}

/** Runs a turn and has what the command behind it needs started meanwhile; not in its first moments, when the machine has the most to do. */
async function turnWithNext(context: AttemptContext, sandbox: Sandbox, { config, deadline }: Task, turn: Parameters<typeof runTurn>[2]): Promise<void> {
  let expecting: Promise<void> | undefined;
  const timer = setTimeout(() => {
    if (config.gates.length > 0) sandbox.expect?.(GATE_SHAPE);
    // A folder that cannot be made is met again, and told, by the commit.
    else expecting = expectCommit(context, sandbox).catch(() => undefined);
  }, START_AHEAD_AFTER_MS);
  try {
    await runTurn(context, sandbox, turn, deadline);
    await expecting;
  } finally {
    clearTimeout(timer);
  }
}

function gatesFailed({ claim }: AttemptContext, failed: readonly GateResult[], repairs: number, why: string): SlipwayError {
  const names = failed.map((gate) => gate.name);
  const gates = failed.slice(0, 20).map((gate) => ({
    name: gate.name,
    exitCode: gate.exitCode,
    timedOut: gate.timedOut,
    artifact: gate.artifact,
    excerpt: gate.excerpt.slice(-2_000).toWellFormed(),
  }));
  return new SlipwayError("GATES_FAILED", `${names.length === 1 ? "The gate" : "The gates"} ${names.join(", ").slice(0, 2_000)} failed, and ${why}.`, {
    gates,
    repairs,
    reason: why,
    hint: `\`slipway show ${claim.job.number} --artifact ${failed[0]?.artifact}\` prints the gate's whole output. Then give the agent a better task.`,
  });
}
