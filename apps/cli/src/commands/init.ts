import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { SlipwayError } from "@slipway/protocol/errors";
import { REPOSITORY_CONFIG_FILE } from "@slipway/protocol/repository-config";
import type { Command } from "commander";
import { checkoutRoot } from "../checkout/checkout-root.ts";
import { readGit } from "../checkout/read-git.ts";
import { EXIT_CODES } from "../exit-codes.ts";
import { lineDiff } from "../init/line-diff.ts";
import { readProject } from "../init/project.ts";
import { type Proposal, propose } from "../init/propose.ts";
import type { Screen } from "../terminal/screen.ts";
import { printable, wrap } from "../terminal/text.ts";
import { type CommonOptions, exitWith, screenOf, withCommon } from "./options.ts";

interface InitOptions extends CommonOptions {
  readonly yes?: boolean;
  readonly force?: boolean;
}

export function addInit(program: Command): void {
  withCommon(program.command("init"))
    .summary("propose a .slipway.yaml for this repository")
    .description(
      "Looks at the repository around the current folder (npm, pnpm, yarn, uv, pip, go, cargo, make), proposes setup with the hosts that it may reach, and gates, asks, and writes .slipway.yaml.\nOnly the root is looked at. Without a terminal it prints the proposal and writes nothing, unless --yes is given.",
    )
    .option("-y, --yes", "write without asking")
    .option("--force", "replace a .slipway.yaml that is there; shows what changes")
    .action(initCommand);
}

async function initCommand(options: InitOptions): Promise<void> {
  const screen = screenOf(options);
  const root = await checkoutRoot();
  if (root === undefined) {
    throw new SlipwayError("INVALID_REQUEST", `${process.cwd()} is in no git repository.`, {
      hint: "Change into one, or make one with `git init`, then `slipway init` again.",
    });
  }
  const file = join(root, REPOSITORY_CONFIG_FILE);
  const before = await existing(file);
  if (before !== undefined && !options.force) {
    throw new SlipwayError("CONFLICT", `${file} is there already.`, {
      hint: "`slipway init --force` shows what would change and asks; `slipway config check` says whether it is well.",
    });
  }
  const project = await readProject(root);
  const ignored = await ignoredOf(root, propose(project, () => true).makes);
  const proposal = propose(project, (folder) => ignored.has(folder));
  const notes = [...proposal.notes, ...unignored(proposal.makes, ignored)];
  show(screen, file, proposal, notes, before);
  const isWritten = before !== proposal.text && (await mayWrite(screen, options));
  // Without --force a file that has come in the meantime stays.
  if (isWritten) await writeFile(file, proposal.text, { flag: options.force ? "w" : "wx" });
  conclude(screen, {
    isWritten,
    isSame: before === proposal.text,
    isAsking: screen.interactive && !screen.json,
    command: before === undefined ? "slipway init --yes" : "slipway init --force --yes",
  });
  screen.document({ file, replaces: before !== undefined, written: isWritten, kinds: proposal.kinds, config: proposal.config, text: proposal.text, notes });
}

async function existing(file: string): Promise<string | undefined> {
  return await readFile(file, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined;
    throw error;
  });
}

/** Which of some folders git ignores. */
async function ignoredOf(root: string, folders: readonly string[]): Promise<ReadonlySet<string>> {
  const checked = await Promise.all(
    folders.map(async (folder) =>
      readGit(["check-ignore", "--quiet", "--", `${folder}/`], root).then(
        () => [folder],
        () => [], // Git answers with an exit code.
      ),
    ),
  );
  return new Set(checked.flat());
}

/** What the setup makes and git does not ignore would become part of the agent's change. */
function unignored(folders: readonly string[], ignored: ReadonlySet<string>): string[] {
  return folders
    .filter((folder) => !ignored.has(folder))
    .map((folder) => `git does not ignore ${folder}/, which the setup makes: add it to .gitignore, or it becomes part of each change.`);
}

function show(screen: Screen, file: string, { text, kinds }: Proposal, notes: readonly string[], before: string | undefined): void {
  const { colors } = screen;
  screen.print(colors.bold(`${printable(file)}${kinds.length > 0 ? `  (found: ${kinds.join(", ")})` : "  (nothing known was found)"}`));
  screen.print();
  const lines = before === undefined ? text.trimEnd().split("\n") : lineDiff(before, text);
  for (const line of lines) {
    const paint =
      before === undefined
        ? line.trim().startsWith("#")
          ? colors.dim
          : String
        : line.startsWith("+")
          ? colors.green
          : line.startsWith("-")
            ? colors.red
            : String;
    screen.print(paint(printable(line)));
  }
  screen.print();
  for (const note of notes) for (const line of wrap(`! ${note}`, screen.width)) screen.print(colors.yellow(line));
}

async function mayWrite(screen: Screen, options: InitOptions): Promise<boolean> {
  if (options.yes) return true;
  if (!screen.interactive || screen.json) return false;
  const { confirm } = await import("@clack/prompts");
  const answer = await confirm({ message: `Write ${REPOSITORY_CONFIG_FILE}?` });
  if (typeof answer === "symbol") exitWith(EXIT_CODES.interrupted.code);
  return answer === true;
}

interface Ending {
  readonly isWritten: boolean;
  readonly isSame: boolean;
  readonly isAsking: boolean;
  /** What would write it without asking. */
  readonly command: string;
}

function conclude(screen: Screen, { isWritten, isSame, isAsking, command }: Ending): void {
  if (!isWritten) {
    screen.print(isSame ? "Nothing to change: the file says this already." : `Nothing was written${isAsking ? "." : `: \`${command}\` writes it.`}`);
    return;
  }
  screen.print(`Written. Commit it, as a job reads it at the commit that it starts from:`);
  screen.print(`  git add ${REPOSITORY_CONFIG_FILE} && git commit -m "Configure Slipway"`);
  screen.print("Then:");
  screen.print('  slipway run "what the agent should do"');
}
