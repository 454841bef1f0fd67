import { mkdir, readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";

/** More of it is not passed on: an argument may have 128 KiB. */
const INSTRUCTIONS_LIMIT_CHARACTERS = 32_000;

/** What a later process needs of an earlier one: the conversations. */
const KEPT = new Set(["projects"]);

/**
 * Makes the folder of Claude Code's settings ready for a process. Instructions, skills, agents, hooks, servers and settings are looked for there, and an agent
 * can write to it: whatever a turn left that the conversation itself does not need goes.
 */
export async function prepareClaudeHome(configFolder: string): Promise<void> {
  await mkdir(configFolder, { recursive: true, mode: 0o700 });
  const strays = (await readdir(configFolder)).filter((name) => !KEPT.has(name));
  await Promise.all(strays.map((name) => rm(join(configFolder, name), { recursive: true, force: true, maxRetries: 5 })));
}

/** `AGENTS.md` of the workspace, which Claude Code does not read by itself; undefined where there is none, or where `CLAUDE.md` takes it in. */
export async function agentsInstructions(workspace: string): Promise<string | undefined> {
  const [agents, own] = await Promise.all([textOf(join(workspace, "AGENTS.md")), textOf(join(workspace, "CLAUDE.md"))]);
  if (agents === undefined || agents.trim() === "" || agents === own || /(^|\s)@(\.\/)?AGENTS\.md\b/.test(own ?? "")) return undefined;
  return `Instructions of this repository for agents, from its AGENTS.md:\n\n${agents.replaceAll("\0", "").slice(0, INSTRUCTIONS_LIMIT_CHARACTERS)}`;
}

async function textOf(file: string): Promise<string | undefined> {
  // Missing, or no file that can be read: there are no instructions then.
  return await readFile(file, "utf8").catch(() => undefined);
}
