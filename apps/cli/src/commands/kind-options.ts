import { SlipwayError } from "@slipway/protocol/errors";
import type { SubmitJobInput } from "@slipway/protocol/job";
import { type SubmittedTaskSpec, submittedTaskSpecSchema, TASK_KIND_NAMES, type TaskKind } from "@slipway/protocol/task-kinds";
import type { Command } from "commander";
import { Option } from "commander";
import { readGit } from "../checkout/read-git.ts";
import { readLog } from "../task/read-log.ts";
import { gather } from "../terminal/parse.ts";

/** Options of `run` and `submit` about what the job is to bring about. */
export interface KindOptions {
  readonly kind?: TaskKind;
  readonly log?: string;
  readonly failingTest?: string;
  readonly document?: string;
  readonly allowPath?: string[];
  readonly diff?: string;
  readonly of?: string;
}

/** The same, read and judged as far as the checkout tells. */
export interface KindDraft {
  readonly kind: TaskKind;
  readonly spec: Omit<SubmittedTaskSpec, "review">;
  /** Of a review: the commits of a range, or the job. */
  readonly range: { readonly baseOid: string; readonly headOid: string } | undefined;
  readonly of: string | undefined;
}

export function addKindOptions(command: Command): Command {
  return command
    .addOption(new Option("--kind <kind>", "what the job is to bring about (default: develop)").choices([...TASK_KIND_NAMES]))
    .option("--log <file>", "fix: file with what failed; `-` for standard input; a long one is cut in its middle")
    .option("--failing-test <name>", "fix: the test that fails, as its runner prints it")
    .option("--document <path>", "research, plan: where the document goes (default: docs/research or docs/plans)")
    .option("--allow-path <glob>", "test, research, plan: a further path that may change; may be repeated", gather)
    .option("--diff <range>", "review: what is reviewed: BASE..HEAD, or a branch, compared with where it left HEAD")
    .option("--of <job>", "review: the job whose change is reviewed");
}

/** INVALID_REQUEST names the option that does not go with the kind, or that is missing; BASE_NOT_FOUND. */
export async function draftKind(root: string, options: KindOptions & { readonly taskFile?: string; readonly base?: string }): Promise<KindDraft> {
  const kind = options.kind ?? "develop";
  requireFit(kind, options);
  if (options.log === "-" && options.taskFile === "-") throw refused("--log", "-", "one of the two from a file", "Standard input can be read once.");
  const spec = {
    ...(options.failingTest === undefined ? {} : { failingTest: options.failingTest }),
    ...(options.log === undefined ? {} : { failureLog: await readLog(options.log) }),
    ...(options.document === undefined ? {} : { document: options.document }),
    ...(options.allowPath === undefined ? {} : { allowPaths: options.allowPath }),
  };
  const parsed = submittedTaskSpecSchema.safeParse(spec);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    const option = OPTION_OF[String(issue?.path[0])] ?? "--kind";
    throw refused(option, spec[issue?.path[0] as keyof typeof spec], (issue?.message ?? "").replace(/^expected /, ""), "See `slipway run --help`.");
  }
  return { kind, spec, range: options.diff === undefined ? undefined : await rangeOf(root, options.diff), of: options.of };
}

/** For the submission; nothing for the kind that every job has where nobody says another. */
export function specOf({ kind, spec, range, of }: KindDraft): Pick<SubmitJobInput, "taskKind" | "taskSpec"> {
  if (kind === "develop") return {};
  const review = of !== undefined ? { job: of } : range ? { base: range.baseOid, head: range.headOid } : undefined;
  return { taskKind: kind, taskSpec: { ...spec, ...(review ? { review } : {}) } };
}

/** What a job is asked where nobody wrote a task: only a review needs none. */
export function taskOfKind(kind: TaskKind | undefined): string | undefined {
  return kind === "review" ? "Review this change." : undefined;
}

const OPTION_OF: Readonly<Record<string, string>> = {
  failingTest: "--failing-test",
  failureLog: "--log",
  document: "--document",
  allowPaths: "--allow-path",
};

const KINDS_OF: ReadonlyArray<readonly [option: string, key: keyof KindOptions, kinds: readonly TaskKind[]]> = [
  ["--log", "log", ["fix"]],
  ["--failing-test", "failingTest", ["fix"]],
  ["--document", "document", ["research", "plan"]],
  ["--allow-path", "allowPath", ["test", "research", "plan"]],
  ["--diff", "diff", ["review"]],
  ["--of", "of", ["review"]],
];

function requireFit(kind: TaskKind, options: KindOptions & { readonly base?: string }): void {
  for (const [option, key, kinds] of KINDS_OF) {
    if (options[key] === undefined || kinds.includes(kind)) continue;
    throw refused(option, options[key], `--kind ${kinds.join(" or --kind ")}`, `Add it, or leave ${option} out: this job is of the kind ${kind}.`);
  }
  if (kind === "fix" && options.log === undefined && options.failingTest === undefined)
    throw refused("--kind", kind, "--log FILE or --failing-test NAME beside it", 'Say what fails: `slipway run --kind fix --log test.log "Mend it"`.');
  if (kind !== "review") return;
  if ((options.diff === undefined) === (options.of === undefined))
    throw refused("--kind", kind, "either --diff BASE..HEAD or --of JOB beside it", "Say what is reviewed: a range of commits, or a job.");
  if (options.base !== undefined) throw refused("--base", options.base, "no base", "A review starts from what it reviews: leave --base out.");
}

/** What HEAD adds since it left BASE, as a pull request has it. */
async function rangeOf(root: string, text: string): Promise<{ baseOid: string; headOid: string }> {
  const match = /^(.+?)\.{2,3}(.*)$/.exec(text);
  const [base, head] = match ? [match[1] ?? "", match[2] || "HEAD"] : ["HEAD", text];
  const [baseTip, headOid] = [await commitNamed(root, base), await commitNamed(root, head)];
  const baseOid = await readGit(["merge-base", "--end-of-options", baseTip, headOid], root).catch(() => undefined);
  if (!baseOid) throw refused("--diff", text, "two commits with a common past", "They share no commit, so that nobody can tell what was changed.");
  if (baseOid === headOid)
    throw refused("--diff", text, "a range with a change", `${head} adds nothing to ${base}: name them the other way round, or other ones.`);
  return { baseOid, headOid };
}

async function commitNamed(root: string, name: string): Promise<string> {
  const oid = await readGit(["rev-parse", "--verify", "--quiet", "--end-of-options", `${name}^{commit}`], root).catch(() => undefined);
  if (oid) return oid;
  throw new SlipwayError("BASE_NOT_FOUND", `--diff: this repository has no branch or commit ${JSON.stringify(name)}.`, { field: "--diff", value: name });
}

function refused(field: string, value: unknown, expected: string, hint: string): SlipwayError {
  return new SlipwayError("INVALID_REQUEST", `${field}: expected ${expected}.`, { field, value, expected, hint });
}
