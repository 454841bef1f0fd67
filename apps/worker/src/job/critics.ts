import { readDiff } from "@slipway/git/diff";
import type { CriticConfig, CriticEvent, CriticOpinion, CriticSpec } from "@slipway/protocol/critic";
import { SlipwayError } from "@slipway/protocol/errors";
import type { Failure } from "@slipway/protocol/failure";
import type { AttemptContext } from "../attempt/context.ts";
import { openBackendCritic } from "../critic/backend-critic.ts";
import { diffText } from "../critic/diff-text.ts";
import { type Asker, type Heard, hearCritic } from "../critic/hear-critic.ts";
import { DEFAULT_CRITERION, type Question, questionDigest, questionText } from "../critic/question.ts";
import { type Rejection, rejectionFindings } from "../critic/refusal-text.ts";
import { weighAnswer } from "../critic/weigh-answer.ts";
import { storeArtifact } from "./artifact.ts";
import type { Judgement, Refusal } from "./checks.ts";
import { CRITIC } from "./critic-rejected.ts";
import { gateEvidence, lineCounter } from "./critics-evidence.ts";
import { criticAt, readRubric, readRules } from "./critics-ready.ts";
import { inPhase } from "./phase.ts";
import { whileUnreachable } from "./retry.ts";
import type { Task } from "./task.ts";

/** What each critic of a commit is shown, but for what it can look at itself. */
interface Scene {
  readonly config: CriticConfig;
  readonly task: Task;
  readonly change: Judgement["change"];
  readonly question: Omit<Question, "hasWorkspace">;
  /** `critic`, or with the number of the commit. */
  readonly key: string;
}

/** In the journal: what is told of a critic, and how the attempt fails where nobody's verdict is enough. */
interface Said {
  readonly told: CriticEvent;
  readonly failure: Failure | null;
}

/**
 * Has the critics judge a change that has passed the checks, one after the other, until enough of them have approved. Where they do not, what they found is
 * the answer, for the agent to mend. CRITIC_REJECTED and CRITIC_UNAVAILABLE where so many have no verdict that nobody can say.
 */
export async function hearCritics(context: AttemptContext, task: Task, judgement: Judgement, config: CriticConfig): Promise<Judgement> {
  const key = task.take === 0 ? "critic" : `critic-${task.take}`;
  const hear = async (): Promise<Judgement> => {
    const scene = { config, task, change: judgement.change, question: await questionOf(context, task, judgement, config), key };
    const quorum = config.quorum ?? config.critics.length;
    const said: Said[] = [];
    for (const spec of config.critics) {
      if (approvalsOf(said) >= quorum) break;
      said.push(await hearOne(context, scene, spec));
    }
    if (config.level === "advisory" || approvalsOf(said) >= quorum) return judgement;
    const rejections = said.flatMap(({ told }): Rejection[] => (told.verdict === "reject" ? [{ name: told.name, opinion: told as CriticOpinion }] : []));
    if (rejections.length === 0) throw noVerdict(said);
    return { ...judgement, refusals: [refusalOf(rejections), ...judgement.warnings.map(asWarning)] };
  };
  return await inPhase(context, "critic", key, hear, { detailOf: ({ refusals }) => (refusals.length > 0 ? "not accepted" : undefined) });
}

function approvalsOf(said: readonly Said[]): number {
  return said.filter(({ told }) => told.verdict === "approve").length;
}

function refusalOf(rejections: readonly Rejection[]): Refusal {
  const title = rejections.length === 1 ? "A reviewer does not accept the change" : `${rejections.length} reviewers do not accept the change`;
  return { check: CRITIC, title, findings: rejectionFindings(rejections) };
}

function asWarning({ check, findings }: Refusal): Refusal {
  return { check, title: `Check "${check}" has a remark, which refuses nothing`, findings };
}

function noVerdict(said: readonly Said[]): SlipwayError {
  const failures = said.flatMap(({ told, failure }) => (failure ? [{ critic: told.name, ...failure }] : []));
  const first = failures.find(({ code }) => code === "CRITIC_UNAVAILABLE") ?? failures[0];
  if (!first) throw new SlipwayError("INTERNAL", "No critic was asked.");
  const { code, message, details } = first;
  return new SlipwayError(code, message, {
    ...details,
    critics: failures.map(({ critic, code: its, message: words }) => ({ critic, code: its, message: words.slice(0, 1_000) })),
  });
}

async function questionOf(context: AttemptContext, task: Task, { change, warnings }: Judgement, config: CriticConfig): Promise<Scene["question"]> {
  const { job } = context.claim;
  const { baseOid } = job;
  const files = await readDiff(task.repository, { baseOid, oid: change.oid, signal: context.signal });
  const { text: diff, cut } = diffText(files, config.maxDiffBytes);
  const told = warnings.flatMap(({ check, findings }) => findings.slice(0, 20).map((finding) => `the check ${check} remarks: ${finding}`));
  return {
    task: job.task,
    criteria: job.criteria.length > 0 ? job.criteria : [DEFAULT_CRITERION],
    rubric: await readRubric(task.repository, baseOid, config),
    rules: await readRules(task.repository, baseOid),
    evidence: [...(await gateEvidence(context, task)), "the deterministic checks of size, secrets, lockfiles, tests and the like refuse nothing", ...told],
    diff,
    cut,
  };
}

/** Asks one critic, once in the life of this commit: what was asked before in the same words of the same tree is not asked again. */
async function hearOne(context: AttemptContext, scene: Scene, spec: CriticSpec): Promise<Said> {
  // Such as no phase has: a critic may be called `started`.
  const key = `${scene.key}=${spec.name}`;
  const said = await context.journal.step(key, () => ask(context, scene, spec, key));
  await context.events.emitOnce(`${key}:said`, { kind: "critic", data: said.told });
  return said;
}

async function ask(context: AttemptContext, scene: Scene, spec: CriticSpec, key: string): Promise<Said> {
  const startedAt = performance.now();
  const { config, task, change } = scene;
  const { baseOid } = context.claim.job;
  const question: Question = { ...scene.question, hasWorkspace: spec.backend !== undefined };
  const asked = { tree: change.tree, question: questionDigest(question, baseOid, config.maxDiffBytes), critic: criticAt(context, spec).identity };
  const text = context.masks.text(questionText(question));
  const kept = await findOpinion(context, asked);
  const heard = kept ? { opinion: kept, answers: [] } : await hear(context, scene, spec, key, text);
  const { opinion } = heard;
  const artifact = `critic-${spec.name}-${task.take}.json`;
  const by = byOf(spec);
  const whole = {
    name: spec.name,
    by,
    ...asked,
    oid: change.oid,
    kept: kept !== undefined,
    opinion: opinion ?? null,
    failure: heard.failure ?? null,
    prompt: text,
    answers: heard.answers,
  };
  await storeArtifact(context, artifact, Buffer.from(`${context.masks.text(JSON.stringify(whole, undefined, 2))}\n`));
  if (opinion && !kept) await keepOpinion(context, { ...asked, opinion });
  const told: CriticEvent = {
    name: spec.name,
    by,
    level: config.level,
    verdict: opinion?.verdict ?? "none",
    score: opinion?.score ?? null,
    confidence: opinion?.confidence ?? null,
    summary: (opinion?.summary ?? heard.failure?.message ?? "").slice(0, 4_000).toWellFormed(),
    criteria: opinion?.criteria ?? [],
    findings: opinion?.findings ?? [],
    notes: [...(opinion?.notes ?? []), ...question.cut].slice(0, 200).map((note) => note.slice(0, 1_000).toWellFormed()),
    kept: kept !== undefined,
    durationMs: performance.now() - startedAt,
    artifact,
  };
  return { told, failure: heard.failure ?? null };
}

async function hear(context: AttemptContext, { config, task, change, question }: Scene, spec: CriticSpec, key: string, text: string): Promise<Heard> {
  const isRequired = config.level === "required";
  const title = `The critic ${spec.name} (${byOf(spec)})`;
  const limitMs = task.deadline.criticMs(config.timeoutSeconds * 1_000);
  if (limitMs < 1) {
    const message = `${title} was not asked: nothing is left of the attempt's ${context.claim.job.timeoutMs / 1_000} s but what the push needs.`;
    return {
      opinion: undefined,
      answers: [],
      failure: { code: "CRITIC_UNAVAILABLE", message, details: { hint: "Give the job more time with --timeout, then submit it again." } },
    };
  }
  const open = async (): Promise<Asker> => await openAsker(context, task, change.oid, spec, key);
  const lineCount = lineCounter(context, task, change.oid);
  const { criteria } = question;
  const heard = await hearCritic(context, {
    open,
    usesModel: spec.model !== undefined || criticAt(context, spec).manifest?.capabilities.model === true,
    mayAskAgain: spec.model !== undefined,
    title,
    question: text,
    weigh: async (answer) => weighAnswer(answer, { criteria, lineCount: await lineCount(answer), minScore: config.minScore }),
    limitMs,
    isRequired,
  });
  // A model repeats what it was shown.
  const opinion = heard.opinion && (JSON.parse(context.masks.text(JSON.stringify(heard.opinion))) as CriticOpinion);
  return { ...heard, opinion };
}

async function openAsker(context: AttemptContext, task: Task, oid: string, spec: CriticSpec, key: string): Promise<Asker> {
  const { manifest, problem } = criticAt(context, spec);
  if (problem) throw problem;
  if (manifest) {
    await tellUnconfined(context, spec, key);
    return await openBackendCritic(context, { manifest, config: spec.config ?? {}, repository: task.repository, oid, key });
  }
  const { model } = spec;
  const way = { socket: context.gatewaySocket ?? "", token: context.claim.model?.token ?? "" };
  if (!model) throw new SlipwayError("INTERNAL", `The critic ${spec.name} has neither a model nor a backend.`);
  // Jobs without a critic do without all of this code.
  const { askModel } = await import("../critic/model-critic.ts");
  return { ask: (prompt, signal) => askModel(model, way, prompt, signal), [Symbol.asyncDispose]: async () => undefined };
}

/** Without a sandbox no mount keeps it from writing; what it writes to its workspace is thrown away all the same. */
async function tellUnconfined(context: AttemptContext, { name }: CriticSpec, key: string): Promise<void> {
  if (context.provider.kind !== "none") return;
  const text = `The critic ${name} runs without a sandbox: nothing but its backend keeps it from writing. Its workspace is a copy that is thrown away.`;
  await context.events.emitOnce(`${key}:unconfined`, { kind: "notice", data: { level: "warning", text } });
}

function byOf({ model, backend }: CriticSpec): string {
  return model ? `model ${model.provider}/${model.name}` : `backend ${backend}`;
}

type Asked = { readonly tree: string; readonly question: string; readonly critic: string };

async function findOpinion({ claim, client, signal }: AttemptContext, query: Asked): Promise<CriticOpinion | undefined> {
  const params = { job: claim.job.id, fence: claim.fence };
  return (await whileUnreachable(signal, () => client.call("findOpinion", { params, query, signal }))).opinion ?? undefined;
}

async function keepOpinion({ claim, client, signal }: AttemptContext, body: Asked & { readonly opinion: CriticOpinion }): Promise<void> {
  const params = { job: claim.job.id, fence: claim.fence };
  await whileUnreachable(signal, () => client.call("keepOpinion", { params, body, signal }));
}
