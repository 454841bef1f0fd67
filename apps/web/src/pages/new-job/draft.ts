import type { Budget } from "@slipway/protocol/budget";
import type { BodyOf } from "@slipway/protocol/endpoints";
import type { JobView, Lane } from "@slipway/protocol/job";
import type { LandingMode } from "@slipway/protocol/landing-modes";
import type { TaskKind } from "@slipway/protocol/task-kinds";

/** The form as somebody fills it: texts, so that half a number is no error while it is typed. Empty: what repository or installation say. */
export interface Draft {
  readonly repo: string;
  readonly task: string;
  readonly title: string;
  readonly kind: TaskKind;
  readonly readOnly: boolean;
  readonly failingTest: string;
  readonly failureLog: string;
  readonly document: string;
  readonly allowPaths: string;
  readonly reviewJob: string;
  readonly reviewBase: string;
  readonly reviewHead: string;
  readonly base: string;
  readonly landing: LandingMode | "";
  readonly target: string;
  readonly ticket: string;
  readonly backend: string;
  readonly backendConfig: string;
  readonly needs: readonly string[];
  readonly fallbacks: string;
  readonly usd: string;
  readonly tokens: string;
  readonly attemptUsd: string;
  readonly attemptTokens: string;
  readonly lane: Lane | "";
  readonly priority: string;
  readonly maxAttempts: string;
  readonly timeoutMinutes: string;
  readonly criteria: string;
  readonly allowChecks: readonly string[];
  readonly record: "" | "yes" | "no";
}

/** A form that nobody has filled. */
export const EMPTY: Draft = {
  ...{ repo: "", task: "", title: "", kind: "develop", readOnly: false },
  ...{ failingTest: "", failureLog: "", document: "", allowPaths: "", reviewJob: "", reviewBase: "", reviewHead: "" },
  ...{ base: "", landing: "", target: "", ticket: "", backend: "", backendConfig: "", needs: [], fallbacks: "" },
  ...{ usd: "", tokens: "", attemptUsd: "", attemptTokens: "", lane: "", priority: "", maxAttempts: "", timeoutMinutes: "" },
  ...{ criteria: "", allowChecks: [], record: "" },
};

export type Submission = BodyOf<"submitJob">;

/** What is wrong with the form before anybody is asked. */
export interface Problem {
  readonly field: string;
  readonly message: string;
}

/** The form as a submission; what cannot be one names its field as the server would. */
export function submissionOf(draft: Draft): { readonly body: Submission } | { readonly problem: Problem } {
  const read = (): Submission => {
    const isReview = draft.kind === "review";
    const budget = budgetOf(draft);
    const priority = wholeNumber("priority", draft.priority);
    const maxAttempts = wholeNumber("maxAttempts", draft.maxAttempts);
    const minutes = number("timeoutMs", draft.timeoutMinutes);
    const needs = draft.needs.length > 0 ? { needs: [...draft.needs] } : {};
    const fallbacks = words(draft.fallbacks);
    return {
      repo: draft.repo,
      task: draft.task,
      taskKind: draft.kind,
      taskSpec: specOf(draft),
      ...given("title", draft.title),
      ...(draft.kind === "develop" && draft.readOnly ? { readOnly: true } : {}),
      ...(isReview ? {} : { ...given("base", draft.base), ...given("target", draft.target), ...(draft.landing === "" ? {} : { landing: draft.landing }) }),
      ...given("ticket", draft.ticket),
      ...given("backend", draft.backend),
      ...(draft.backendConfig.trim() === "" ? {} : { backendConfig: configOf(draft.backendConfig) }),
      ...(needs as Pick<Submission, "needs">),
      ...(fallbacks.length > 0 ? { fallbacks } : {}),
      ...(Object.keys(budget).length > 0 ? { budget } : {}),
      ...(draft.lane === "" ? {} : { lane: draft.lane }),
      ...(priority === undefined ? {} : { priority }),
      ...(maxAttempts === undefined ? {} : { maxAttempts }),
      ...(minutes === undefined ? {} : { timeoutMs: Math.round(minutes * 60_000) }),
      criteria: lines(draft.criteria),
      allowChecks: draft.allowChecks as NonNullable<Submission["allowChecks"]>,
      ...(draft.record === "" ? {} : { record: draft.record === "yes" }),
    };
  };
  try {
    return { body: read() };
  } catch (error) {
    if (error instanceof Wrong) return { problem: error.problem };
    throw error;
  }
}

class Wrong extends Error {
  readonly problem: Problem;

  constructor(field: string, message: string) {
    super(message);
    this.problem = { field, message };
  }
}

function specOf({ kind, failingTest, failureLog, document, allowPaths, reviewJob, reviewBase, reviewHead }: Draft): Submission["taskSpec"] {
  const paths = lines(allowPaths);
  const allowed = paths.length > 0 ? { allowPaths: paths } : {};
  switch (kind) {
    case "develop":
      return {};
    case "fix":
      return { ...given("failingTest", failingTest), ...(failureLog.trim() === "" ? {} : { failureLog }) };
    case "test":
      return allowed;
    case "research":
    case "plan":
      return { ...given("document", document), ...allowed };
    case "review":
      if (reviewJob.trim() !== "") return { review: { job: reviewJob.trim() } };
      return reviewBase.trim() === "" && reviewHead.trim() === "" ? {} : { review: { base: reviewBase.trim(), head: reviewHead.trim() } };
  }
}

function budgetOf(draft: Draft): Budget {
  const limits = (["tokens", "usd", "attemptTokens", "attemptUsd"] as const).map((key) => [key, number(`budget.${key}`, draft[key])] as const);
  return Object.fromEntries(limits.filter(([, limit]) => limit !== undefined));
}

function given<K extends string>(key: K, text: string): { [P in K]?: string } {
  return (text.trim() === "" ? {} : { [key]: text.trim() }) as { [P in K]?: string };
}

function number(field: string, text: string): number | undefined {
  if (text.trim() === "") return undefined;
  const value = Number(text.trim().replace(",", "."));
  if (!Number.isFinite(value)) throw new Wrong(field, `Expected a number, found ${text.trim()}.`);
  return value;
}

function wholeNumber(field: string, text: string): number | undefined {
  const value = number(field, text);
  if (value !== undefined && !Number.isInteger(value)) throw new Wrong(field, `Expected a whole number, found ${text.trim()}.`);
  return value;
}

function configOf(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  } catch (error) {
    throw new Wrong("backendConfig", `Expected JSON: ${error instanceof Error ? error.message : String(error)}`);
  }
  throw new Wrong("backendConfig", 'Expected a JSON object, such as {"model": "…"}.');
}

function lines(text: string): string[] {
  return text
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "");
}

function words(text: string): string[] {
  return text.split(/[\s,]+/).filter((word) => word !== "");
}

/** The form for a job like another one, to be changed. It begins with the repository as it is now. */
export function draftOfJob(job: JobView): Draft {
  const { routing, taskSpec, budget, backendConfig } = job;
  const first = routing?.route[0];
  const text = (value: number | undefined): string => (value === undefined ? "" : String(value));
  const config = first?.config ?? backendConfig;
  const later = (routing?.route ?? []).slice(1).filter(({ automatic }) => !automatic);
  return {
    ...EMPTY,
    repo: job.repo.name,
    task: job.task,
    title: isOfTask(job) ? "" : job.title,
    kind: job.taskKind,
    readOnly: job.taskKind === "develop" && job.readOnly,
    failingTest: taskSpec.failingTest ?? "",
    failureLog: taskSpec.failureLog ?? "",
    document: taskSpec.document ?? "",
    allowPaths: (taskSpec.allowPaths ?? []).join("\n"),
    reviewJob: taskSpec.review?.job ? String(taskSpec.review.job) : "",
    reviewBase: taskSpec.review && taskSpec.review.job === null ? taskSpec.review.baseOid : "",
    reviewHead: taskSpec.review && taskSpec.review.job === null ? taskSpec.review.headOid : "",
    landing: job.readOnly || job.landing === "train" ? "" : job.landing,
    // A branch that was made for that job is that job's.
    target: job.readOnly || job.landing === "none" || /^slipway\/.*-[0-9a-f]{6}$/.test(job.target) ? "" : job.target,
    ticket: job.ticket ?? "",
    backend: routing?.asked ?? job.backend,
    backendConfig: Object.keys(config).length === 0 ? "" : JSON.stringify(config, null, 2),
    needs: routing?.needs ?? [],
    fallbacks: later.map(({ backend }) => backend).join(", "),
    usd: text(budget.usd),
    tokens: text(budget.tokens),
    attemptUsd: text(budget.attemptUsd),
    attemptTokens: text(budget.attemptTokens),
    lane: job.lane,
    priority: job.priority === 0 ? "" : String(job.priority),
    maxAttempts: String(job.maxAttempts),
    timeoutMinutes: String(job.timeoutMs / 60_000),
    criteria: job.criteria.join("\n"),
    allowChecks: job.allowChecks,
  };
}

/** Whether the title was made of the task's first line, which may have been cut. */
function isOfTask({ task, title }: JobView): boolean {
  const first = task.trim().split("\n")[0]?.trim() ?? "";
  return first === title || (title.length > 50 && first.startsWith(title.replace(/\s*…$/, "")));
}

/** What an address may say: `?repo=…&task=…`. Undefined where it says nothing of that. */
export function draftOfSearch(search: Readonly<Record<string, unknown>>): Draft | undefined {
  const keys = (Object.keys(EMPTY) as Array<keyof Draft>).filter((key) => typeof EMPTY[key] === "string" && search[key] !== undefined);
  if (keys.length === 0) return undefined;
  const draft = { ...EMPTY, ...Object.fromEntries(keys.map((key) => [key, String(search[key])])) };
  const kinds: readonly string[] = ["develop", "test", "fix", "research", "plan", "review"];
  return kinds.includes(draft.kind) ? draft : { ...draft, kind: "develop" };
}

const KEY = "slipway.new-job";

/** What was left in this browser; undefined where there is nothing. */
export function readDraft(): Draft | undefined {
  try {
    const text = localStorage.getItem(KEY);
    return text === null ? undefined : { ...EMPTY, ...(JSON.parse(text) as Partial<Draft>) };
  } catch {
    // Refused by the browser, or of another time: the form begins empty.
    return undefined;
  }
}

/** Keeps the form in this browser; an empty one is forgotten. */
export function keepDraft(draft: Draft): void {
  try {
    if (JSON.stringify(draft) === JSON.stringify(EMPTY)) localStorage.removeItem(KEY);
    else localStorage.setItem(KEY, JSON.stringify(draft));
  } catch {
    // Refused by the browser: it lives as long as the page.
  }
}
