import { SlipwayError } from "@slipway/protocol/errors";
import { createRepositorySchema, type RepositoryView } from "@slipway/protocol/repository";
import type { Command } from "commander";
import { InvalidArgumentError } from "commander";
import { parseBranch, parseDollars, parseTokens, wholeNumber } from "../terminal/parse.ts";
import type { Screen } from "../terminal/screen.ts";
import { type Column, tableLines } from "../terminal/table.ts";
import { ago, plural, printable } from "../terminal/text.ts";
import { budgetText, dollars, tokens } from "../terminal/usage-text.ts";
import { type CommonOptions, screenOf, withCommon } from "./options.ts";
import { withReader } from "./reading.ts";
import { addResolve, orNone, printBranches, type UpstreamOptions, upstreamChanges, upstreamFields, withUpstreamOptions } from "./repos-upstream.ts";
import { frozenText } from "./train.ts";

interface ChangeOptions extends CommonOptions, UpstreamOptions {
  readonly defaultBranch?: string;
  readonly maxRunning?: number;
  readonly dayBudgetTokens?: number | "none";
  readonly dayBudgetUsd?: number | "none";
}

const REPOSITORY_ARGUMENT = ["<repository>", "name or id of the repository"] as const;
const parseLimit = wholeNumber(1, 1_000);

/** The repositories that the server knows. */
export function addRepos(program: Command): void {
  const repos = program
    .command("repos")
    .summary("the repositories there are; add, change, fetch one")
    .description("Repositories that the server has on its hub. `slipway run` registers the one around the current folder by itself.");
  withCommon(repos.command("list", { isDefault: true }))
    .summary("list repositories; `slipway repos` alone does too")
    .action(listCommand);
  withCommon(repos.command("add").argument("<name>", "what it is called from here on", parseName).argument("<url>", "address that the server fetches from"))
    .summary("register a repository that the server fetches from an address")
    .description(
      "Registers a repository and leaves its commits where they are: `slipway repos sync NAME` fetches them. The same name and address again is the same one.",
    )
    .option("--default-branch <branch>", "branch that jobs start from", parseBranch, "main")
    .option("--max-running <n>", "jobs of it at once", parseLimit, 100)
    .action(async (name: string, url: string, options: Required<ChangeOptions>) => {
      const { defaultBranch, maxRunning } = options;
      const body = { name, url, defaultBranch, maxRunning };
      await change(options, ({ client }) => client.call("createRepository", { body }), "registered", `Fetch its commits: slipway repos sync ${name}`);
    });
  withCommon(repos.command("show").argument(...REPOSITORY_ARGUMENT))
    .summary("one repository: address, limit, where its hub is")
    .action(async (name: string, options: CommonOptions) => {
      const screen = screenOf(options);
      const { repository, branches, frozen } = await withReader(options, async ({ client }) => {
        const found = find((await client.call("listRepositories", {})).repositories, name);
        const { trains } = await client.call("showTrains", { params: { repo: found.id }, query: {} });
        const { branches: known } = await client.call("upstreamBranches", { params: { repo: found.id } });
        return { repository: found, branches: known, frozen: trains.flatMap((train) => train.frozen ?? []) };
      });
      screen.document({ ...repository, branches, frozen });
      printFields(screen, repository);
      printBranches(screen, nameToType(repository), branches);
      for (const one of frozen) screen.print(screen.colors.yellow(`${frozenText(one)} (slipway train resume ${nameToType(repository)})`));
      screen.print(screen.colors.dim(`Its jobs: slipway jobs --repo ${nameToType(repository)}`));
    });
  withUpstreamOptions(withCommon(repos.command("set").argument(...REPOSITORY_ARGUMENT)))
    .summary("change the limits of one, its default branch, or how it goes with its address (role admin)")
    .option("--max-running <n>", "jobs of it at once; what runs goes on", parseLimit)
    .option("--default-branch <branch>", "branch that jobs start from", parseBranch)
    .option("--day-budget-tokens <n>", "tokens that its jobs together may use up in a day, such as 5m; none: no limit", orNone(parseTokens))
    .option("--day-budget-usd <dollars>", "US dollars that its jobs together may use up in a day, such as 20; none: no limit", orNone(parseDollars))
    .action(async (name: string, options: ChangeOptions) => {
      const { defaultBranch, maxRunning, dayBudgetTokens, dayBudgetUsd } = options;
      const dayBudget = {
        ...(dayBudgetTokens === undefined ? {} : { tokens: dayBudgetTokens === "none" ? null : dayBudgetTokens }),
        ...(dayBudgetUsd === undefined ? {} : { usd: dayBudgetUsd === "none" ? null : dayBudgetUsd }),
      };
      const upstream = await upstreamChanges(options);
      const body = {
        ...(upstream === undefined ? {} : { upstream }),
        ...(defaultBranch === undefined ? {} : { defaultBranch }),
        ...(maxRunning === undefined ? {} : { maxRunning }),
        ...(Object.keys(dayBudget).length === 0 ? {} : { dayBudget }),
      };
      if (Object.keys(body).length === 0) {
        const hint = "Pass --max-running, --default-branch, --push, --sync-every, --credential or another of the options in `slipway repos set --help`.";
        throw new SlipwayError("INVALID_REQUEST", "There is nothing to change.", { hint });
      }
      await change(options, ({ client }) => client.call("updateRepository", { params: { repo: name }, body }), "changed");
    });
  withCommon(repos.command("sync").argument(...REPOSITORY_ARGUMENT))
    .summary("have the server fetch one from its address, and bring both together")
    .description(
      "Has the server fetch from the repository's address. Branches come to refs/upstream on the hub; those that the hub has follow where that is a fast-forward, and what landed is pushed where `repos set --push landed` says so. Nothing that landed is overwritten.",
    )
    .action(async (name: string, options: CommonOptions) => {
      const screen = screenOf(options);
      const answer = await withReader(options, ({ client }) => client.call("syncRepository", { params: { repo: name }, body: {} }));
      screen.document(answer);
      screen.print(`fetched ${plural(answer.branches.length, "branch", "branches")} of ${name}`);
      for (const { branch, oid } of answer.branches) screen.print(`  ${oid?.slice(0, 12) ?? "gone".padEnd(12)}  ${printable(branch)}`);
      for (const { branch, what, oid } of answer.moves) screen.print(`${what} ${printable(branch)}: ${oid.slice(0, 12)}`);
      for (const branch of answer.rewritten) screen.print(`the history of ${printable(branch)} was rewritten there; its old commit is kept on the hub`);
      printBranches(screen, name, answer.waiting);
    });
  addResolve(repos);
}

/** Its name where a shell takes it as it is, else its id. */
function nameToType({ name, id }: RepositoryView): string {
  return /^[\w.-]+$/.test(name) ? name : id;
}

async function listCommand(options: CommonOptions): Promise<void> {
  const screen = screenOf(options);
  const answer = await withReader(options, ({ client }) => client.call("listRepositories", {}));
  screen.document(answer);
  if (answer.repositories.length === 0) {
    screen.print(screen.colors.dim("No repositories yet: `slipway run` in a checkout registers it, or `slipway repos add NAME URL`."));
    return;
  }
  const columns: Array<Column<RepositoryView>> = [
    { title: "repository", text: ({ name }) => name },
    { title: "branch", text: ({ defaultBranch }) => defaultBranch },
    { title: "running", text: ({ running, maxRunning }) => `${running}/${maxRunning}`, align: "right" },
    { title: "since", text: ({ createdAt }) => ago(createdAt), paint: (text) => screen.colors.dim(text) },
    { title: "address", text: addressOf, grows: true },
  ];
  for (const line of tableLines(screen, columns, answer.repositories)) screen.print(line);
}

async function change(
  options: CommonOptions,
  call: (connection: Parameters<Parameters<typeof withReader<RepositoryView>>[1]>[0]) => Promise<RepositoryView>,
  word: string,
  next?: string,
): Promise<void> {
  const screen = screenOf(options);
  const repository = await withReader(options, call);
  screen.document(repository);
  screen.print(
    `${word} ${repository.name}: at most ${plural(repository.maxRunning, "job")} at once, from ${repository.defaultBranch}${budgetOf(repository, ", at most ", " a day")}`,
  );
  if (next !== undefined) screen.print(screen.colors.dim(next));
}

function find(repositories: readonly RepositoryView[], wanted: string): RepositoryView {
  const found = repositories.find(({ id }) => id === wanted) ?? repositories.find(({ name }) => name === wanted);
  if (found) return found;
  throw new SlipwayError("NOT_FOUND", `There is no repository ${wanted}.`, { repo: wanted, hint: "`slipway repos` lists those that there are." });
}

function printFields(screen: Screen, repository: RepositoryView): void {
  const { id, name, defaultBranch, running, maxRunning, createdAt, upstreamUrl } = repository;
  screen.print(screen.colors.bold(name));
  for (const [field, value] of [
    ["id", id],
    ["address", addressOf(repository)],
    ["branch", defaultBranch],
    ["running", `${running} of at most ${maxRunning}`],
    ["today", todayText(repository)],
    ...(repository.url === null ? [] : upstreamFields(repository)),
    ["since", `${new Date(createdAt).toISOString()} (${ago(createdAt)})`],
    ["hub", `${upstreamUrl} (password: a token)`],
  ] as const)
    screen.print(`  ${screen.colors.dim(field.padEnd(10))} ${value}`);
}

/** Such as ` of $20.00 a day`; empty where nothing is bounded. */
function budgetOf({ dayBudget }: RepositoryView, before: string, after: string): string {
  const text = budgetText(dayBudget);
  return text === undefined ? "" : `${before}${text}${after}`;
}

function todayText(repository: RepositoryView): string {
  const { calls, tokens: count, usd } = repository.spentToday;
  return `${tokens(count)} tokens, ${dollars(usd)} in ${plural(calls, "model call")} since 00:00 UTC${budgetOf(repository, ", of ", "")}`;
}

function addressOf({ url }: RepositoryView): string {
  return url === null ? "(pushed from a checkout)" : printable(url);
}

function parseName(text: string): string {
  const { success, error } = createRepositorySchema.shape.name.safeParse(text);
  if (success) return text;
  throw new InvalidArgumentError(`A name has ${error.issues[0]?.message.replace(/^expected /, "") ?? "another form"}.`);
}
