import { createHash } from "node:crypto";
import { readFileAt } from "@slipway/git/hub";
import type { WorkerRepository } from "@slipway/git/repository";
import type { CriticConfig, CriticSpec } from "@slipway/protocol/critic";
import { SlipwayError } from "@slipway/protocol/errors";
import type { Manifest } from "@slipway/protocol/manifest";
import { REPOSITORY_CONFIG_FILE } from "@slipway/protocol/repository-config";
import type { AttemptContext } from "../attempt/context.ts";
import { gatewayRefusal, kindOf } from "../critic/model-way.ts";
import type { Task } from "./task.ts";

const RULES_FILE = "AGENTS.md";
/** Of rules and rubric, so much is shown. */
const TEXT_LIMIT_CHARACTERS = 40_000;

/** A critic as this worker has it. */
export interface CriticHere {
  /** With release and settings: the same critic gives no second opinion on the same question. */
  readonly identity: string;
  /** Of its backend; undefined for a model. */
  readonly manifest: Manifest | undefined;
  /** Why it cannot be asked here. */
  readonly problem: SlipwayError | undefined;
}

/**
 * Before the agent begins: whether the critics that must approve its work can be asked at all. CRITIC_UNAVAILABLE, SECRET_MISSING; INVALID_CONFIG names the
 * field of .slipway.yaml.
 */
export async function requireCritics(context: AttemptContext, { repository }: Task, config: CriticConfig): Promise<void> {
  await readRubric(repository, context.claim.job.baseOid, config);
  for (const spec of config.critics) {
    const { problem, manifest } = criticAt(context, spec);
    if (problem && (config.level === "required" || problem.code === "INVALID_CONFIG")) throw problem;
    const unknown = config.level === "required" ? await unknownModel(context, spec) : undefined;
    if (unknown) throw unknown;
    if (!manifest) continue;
    const { values, missing } = await context.secrets.find(manifest.name);
    context.masks.learn(Object.values(values));
    if (missing && config.level === "required") throw missing;
  }
}

/** A name that is wrong is told before an agent has worked for nothing. */
async function unknownModel({ claim, gatewaySocket, signal }: AttemptContext, { name, model }: CriticSpec): Promise<SlipwayError | undefined> {
  if (!model || gatewaySocket === undefined || !claim.model) return undefined;
  const said = await gatewayRefusal(model, { socket: gatewaySocket, token: claim.model.token }, signal);
  if (said === undefined) return undefined;
  const details = {
    critic: name,
    provider: model.provider,
    kind: kindOf(model),
    hint: "Mend `model` of the critic in .slipway.yaml, or `providers` in gateway.yaml; `slipway doctor` shows them.",
  };
  return new SlipwayError(
    "CRITIC_UNAVAILABLE",
    `The gateway does not know the critic ${name} as ${kindOf(model)} of the provider ${model.provider}: ${said}`,
    details,
  );
}

export function criticAt(context: AttemptContext, { name, model, backend = "", config = {} }: CriticSpec): CriticHere {
  if (model) {
    const hasWay = context.gatewaySocket !== undefined && context.claim.model !== null;
    const why = `The critic ${name} is a model, and this worker knows of no gateway to ask it over.`;
    const problem = hasWay ? undefined : new SlipwayError("CRITIC_UNAVAILABLE", why, { critic: name });
    return { identity: `model ${model.provider}/${model.name} ${digest(model)}`, manifest: undefined, problem };
  }
  const manifest = context.manifestOf(backend);
  return { identity: `backend ${backend} ${manifest?.version ?? ""} ${digest(config)}`, manifest, problem: problemOf(name, backend, manifest) };
}

function problemOf(critic: string, backend: string, manifest: Manifest | undefined): SlipwayError | undefined {
  if (!manifest) {
    const hint = "Install it on the worker (`slipway backends` says how), or change `critic` in .slipway.yaml. Then `slipway retry`.";
    return new SlipwayError("CRITIC_UNAVAILABLE", `The critic ${critic} is the backend ${backend}, which this worker has not.`, { critic, backend, hint });
  }
  if (manifest.capabilities.readOnly) return undefined;
  const message = `${REPOSITORY_CONFIG_FILE}: critic.critics: the backend ${backend} of the critic ${critic} does not say that it can work without changing anything.`;
  return new SlipwayError("INVALID_CONFIG", message, { field: "critic.critics", value: backend, expected: "a backend with the capability readOnly" });
}

/** What the repository wants looked at; empty where it says nothing. INVALID_CONFIG where its file is not there. */
export async function readRubric(repository: WorkerRepository, baseOid: string, { rubric, rubricFile }: CriticConfig): Promise<string> {
  if (rubricFile === undefined) return rubric ?? "";
  const file = await readFileAt(repository.dir, baseOid, rubricFile);
  if (file) return cut(file);
  const message = `${REPOSITORY_CONFIG_FILE}: critic.rubricFile: there is no file ${rubricFile} in the job's base commit.`;
  throw new SlipwayError("INVALID_CONFIG", message, { field: "critic.rubricFile", value: rubricFile, expected: "a file of the repository, committed" });
}

/** The rules of the repository as they are without the change; empty where it has none. */
export async function readRules(repository: WorkerRepository, baseOid: string): Promise<string> {
  const file = await readFileAt(repository.dir, baseOid, RULES_FILE);
  return file ? cut(file) : "";
}

function cut(file: Buffer): string {
  const text = file.toString("utf8");
  return text.length > TEXT_LIMIT_CHARACTERS ? `${text.slice(0, TEXT_LIMIT_CHARACTERS).toWellFormed()}\n[cut here]` : text;
}

function digest(settings: object): string {
  return createHash("sha256").update(JSON.stringify(settings)).digest("hex").slice(0, 12);
}
