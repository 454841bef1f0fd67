import type { TakenCommit } from "@slipway/git/commit";
import { type FileDiff, readDiff, readPaths, readTexts } from "@slipway/git/diff";
import type { WorkerRepository } from "@slipway/git/repository";
import type { JobPrompts } from "@slipway/prompts/job-prompts";
import { CHECK_NAMES } from "@slipway/protocol/checks";
import { SlipwayError } from "@slipway/protocol/errors";
import type { RepositoryConfig } from "@slipway/protocol/repository-config";
import type { AttemptContext } from "../attempt/context.ts";
import { checkKind } from "../checks/of-kind.ts";
import { type CheckResult, resultOf, runChecks } from "../checks/run-checks.ts";
import { type CoverageResult, checkCoverage } from "./coverage.ts";
import type { Deadline } from "./deadline.ts";
import { pathMatcher } from "./path-globs.ts";
import { inPhase } from "./phase.ts";
import { proveTests } from "./proof.ts";
import { proofDemand } from "./proof-demand.ts";
import { lookForUndone } from "./undone-work.ts";

/** Of a check's findings so many are shown; where there are more, that is told too. */
const SHOWN_FINDINGS = 100;
const FINDING_LIMIT_CHARACTERS = 1_000;
/** Tests of the tree that are read to tell answers made for them. */
const READ_TESTS = 500;
const PHASE_KEY = "checks";

/** A commit that changes something. */
export type Change = Exclude<TakenCommit, { empty: true }>;

/** A check that refuses a change, and why, each finding in a line. */
export interface Refusal {
  readonly check: string;
  /** What the agent is told above the findings, where no check refuses. */
  readonly title?: string;
  readonly findings: readonly string[];
}

/** What the checks say of a change. */
export interface Judgement {
  readonly change: Change;
  readonly refusals: readonly Refusal[];
  /** Of checks that passed: what they tell of. */
  readonly warnings: readonly Refusal[];
}

interface Judged {
  readonly repository: WorkerRepository;
  readonly config: RepositoryConfig;
  readonly prompts: Pick<JobPrompts, "headings">;
  readonly deadline: Deadline;
  /** Which commit of the attempt it is, counted from 0. */
  readonly take: number;
}

/** What the checks look at that need nothing but the change. */
interface Looked {
  readonly repository: WorkerRepository;
  readonly config: Pick<RepositoryConfig, "scope" | "checks" | "gates">;
  readonly prompts: Pick<JobPrompts, "headings">;
}

/**
 * Judges the change on what the daemon itself reads in the commit, never on what the sandbox says. NO_CHANGE; what the checks refuse is the answer, as the
 * agent may mend it.
 */
export async function judgeChange(context: AttemptContext, commit: TakenCommit, judged: Judged): Promise<Judgement> {
  const { take } = judged;
  const key = take === 0 ? PHASE_KEY : `${PHASE_KEY}-${take}`;
  const judge = async (): Promise<Judgement> => {
    const nothing = commit.empty ? "The agent changed nothing." : unchangedWork(context, commit, take);
    await report(context, take, { name: "change", errors: nothing === undefined ? [] : [nothing], warnings: [] });
    if (commit.empty || nothing !== undefined) throw new SlipwayError("NO_CHANGE", nothing);
    const { files, results: looked } = await lookAt(context, commit, judged, context.signal);
    // What runs something waits until the change is one that could land.
    const isRefused = looked.some(({ errors }) => errors.length > 0);
    const results = isRefused ? looked : [...looked, ...(await runFurtherChecks(context, judged, { oid: commit.oid, files }))];
    for (const result of results) await report(context, take, result);
    const warnings = results.filter(({ errors, warnings: own }) => errors.length === 0 && own.length > 0);
    return {
      change: commit,
      refusals: refusalsIn(context, results),
      warnings: warnings.map(({ name, warnings: own }) => ({ check: name, findings: shown(context, own) })),
    };
  };
  return await inPhase(context, "checks", key, judge, { detailOf: describe });
}

/** What a job goes on from is no change of its own. */
function unchangedWork({ claim }: AttemptContext, { tree }: Change, take: number): string | undefined {
  const { continues, revision } = claim.job;
  if (take > 0 || revision || continues?.work?.tree !== tree) return undefined;
  return `The agent changed nothing in the work of job ${continues.number}, which it was to go on from.`;
}

type NamedResult = Pick<CheckResult, "errors" | "warnings"> & Pick<CoverageResult, "coverage"> & { name: string };

/** The same of work that is kept for people: nothing of it is told as an event, as it is not what ended the attempt. */
export async function refusalsOfKept(context: AttemptContext, change: Change, judged: Looked, signal: AbortSignal): Promise<Refusal[]> {
  return refusalsIn(context, (await lookAt(context, change, judged, signal)).results);
}

/** The scope, and the checks that need nothing but the change. */
async function lookAt(
  context: AttemptContext,
  change: Change,
  { repository, config, prompts }: Looked,
  signal: AbortSignal,
): Promise<{ files: FileDiff[]; results: NamedResult[] }> {
  const { baseOid, allowChecks } = context.claim.job;
  const strays = pathsOutOfScope(
    change.changes.map(({ path }) => path),
    config.scope,
  );
  const files = await readDiff(repository, { baseOid, oid: change.oid, signal });
  const isTest = pathMatcher(config.checks.testPaths);
  const tests = () => readTexts(repository, { oid: change.oid, signal, limit: READ_TESTS, isWanted: isTest });
  const scope = { name: "scope", errors: strays.map((path) => `${path}: The job may not touch this path.`), warnings: [] };
  const { testPaths } = config.checks;
  const paths = () => readPaths(repository, { oid: change.oid, signal });
  const ofKind = await checkKind({ job: context.claim.job, files, testPaths, headings: prompts.headings, tests, paths });
  const undone = await lookForUndone(repository, context.claim.job, change.oid, signal);
  return { files, results: [scope, ...ofKind, ...(await runChecks(files, config, new Set(allowChecks), tests)), ...undone] };
}

/** The checks that need more than the change: what the gates left, and a run of their own. */
async function runFurtherChecks(
  context: AttemptContext,
  { repository, config, deadline, take }: Judged,
  { oid, files }: { readonly oid: string; readonly files: readonly FileDiff[] },
): Promise<NamedResult[]> {
  const allowed = new Set(context.claim.job.allowChecks);
  const results: NamedResult[] = [];
  if (config.checks.coverage !== "off") {
    const workspaces = ["/workspace", context.paths.workspace];
    const { findings, coverage } = await checkCoverage(context, { repository, config, deadline, files, take, workspaces });
    results.push({ ...resultOf("coverage", findings, { level: config.checks.coverage, allowed }), ...(coverage ? { coverage } : {}) });
  }
  const demand = proofDemand(context.claim.job, config.checks);
  if (demand.level !== "off") {
    const findings = await proveTests(context, { repository, config, deadline, take, oid, files }, demand);
    results.push(resultOf("proof", findings, { level: demand.level, allowed }));
  }
  return results;
}

function refusalsIn(context: AttemptContext, results: readonly NamedResult[]): Refusal[] {
  return results.filter(({ errors }) => errors.length > 0).map(({ name, errors }) => ({ check: name, findings: shown(context, errors) }));
}

/**
 * The paths that a job with this scope may not change. A glob also stands for everything below what it matches, dot files are files like any
 * other, and `deny` wins over `allow`.
 */
export function pathsOutOfScope(paths: readonly string[], scope: RepositoryConfig["scope"]): string[] {
  const allowed = pathMatcher(scope.allow);
  const denied = pathMatcher(scope.deny);
  return paths.filter((path) => denied(path) || !allowed(path));
}

/** The failure of a change that nobody mends any more: SCOPE_VIOLATION where it is out of scope, CHECKS_FAILED for all other refusals. */
export function checksFailed({ change, refusals }: Judgement, scope: RepositoryConfig["scope"], why: string): SlipwayError {
  if (refusals.some(({ check }) => check === "scope")) {
    const paths = pathsOutOfScope(
      change.changes.map(({ path }) => path),
      scope,
    );
    return scopeViolation(paths, scope);
  }
  const names = refusals.map(({ check }) => check);
  const [first] = refusals;
  const message = `${names.length === 1 ? "The check" : "The checks"} ${names.join(", ")} ${names.length === 1 ? "refuses" : "refuse"} the change, and ${why}: ${first?.findings[0] ?? ""}`;
  return new SlipwayError("CHECKS_FAILED", message.slice(0, 4_000), {
    checks: refusals.map(({ check, findings }) => ({ name: check, findings: findings.slice(0, 20) })),
    reason: why,
    hint: hintFor(names),
  });
}

/** What has a level can be allowed by its name; what a kind asks for goes with the kind. */
function hintFor(names: readonly string[]): string {
  const known = names.filter((name) => (CHECK_NAMES as readonly string[]).includes(name));
  if (known.length === names.length) {
    return `If the change is meant to be so, submit it again with \`--allow ${names.join(",")}\`, or set the level of the check in .slipway.yaml.`;
  }
  if (names.includes("kind"))
    return "If the change is meant to be so, submit it again with `--allow-path GLOB` for what else it may touch, or as another --kind.";
  return "Read the findings with `slipway show`, then give the agent a better task. What a document must have is in its prompt: `slipway prompts`.";
}

async function report(context: AttemptContext, take: number, { name, errors, warnings, coverage }: NamedResult): Promise<void> {
  const key = take === 0 ? `check-${name}` : `check-${name}-${take}`;
  const findings = shown(context, [...errors, ...warnings]);
  await context.events.emitOnce(key, { kind: "check", data: { name, passed: errors.length === 0, findings, ...(coverage ? { coverage } : {}) } });
}

function shown(context: AttemptContext, findings: readonly string[]): string[] {
  const rest = findings.length - SHOWN_FINDINGS;
  const first = rest > 0 ? [...findings.slice(0, SHOWN_FINDINGS - 1), `And ${rest + 1} more.`] : findings;
  return first.map((finding) => context.masks.text(finding).slice(0, FINDING_LIMIT_CHARACTERS).toWellFormed());
}

function describe({ refusals }: Judgement): string | undefined {
  return refusals.length === 0 ? undefined : `refused by ${refusals.map(({ check }) => check).join(", ")}`;
}

function scopeViolation(paths: readonly string[], scope: RepositoryConfig["scope"]): SlipwayError {
  const named = paths.slice(0, 10).join(", ").slice(0, 2_000);
  const more = paths.length > 10 ? ` and ${paths.length - 10} more` : "";
  return new SlipwayError("SCOPE_VIOLATION", `The change touches paths that the job may not touch: ${named}${more}.`, {
    paths: paths.slice(0, SHOWN_FINDINGS),
    pathCount: paths.length,
    scope,
  });
}
