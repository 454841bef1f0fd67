import { spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Page } from "./markdown.ts";

/** A shell block that is run, with the output that the page promises; `line` is that of its fence. */
export interface RunnableBlock {
  readonly script: string;
  readonly line: number;
  readonly expected: string | undefined;
}

export interface RunOptions {
  /** The program that is `slipway` on PATH. */
  readonly slipway: string;
  /** The whole page is ended after this time, in ms. */
  readonly limitMs: number;
}

/** The blocks marked `sh runnable`; a block marked `text expected` behind one says what it prints. Throws where one promises the output of nothing. */
export function runnableBlocks(page: Page): RunnableBlock[] {
  const blocks: RunnableBlock[] = [];
  for (const [index, { info, text, line }] of page.fences.entries()) {
    const next = page.fences[index + 1];
    if (isRunnable(info)) blocks.push({ script: text, line, expected: next && isExpected(next.info) ? next.text : undefined });
    const before = page.fences[index - 1];
    if (isExpected(info) && !(before && isRunnable(before.info))) throw new Error(`${page.path}:${line}: there is no runnable block before this output`);
  }
  return blocks;
}

function isRunnable(info: string): boolean {
  return /^(sh|bash)\s+runnable$/.test(info);
}

function isExpected(info: string): boolean {
  return /^text\s+expected$/.test(info);
}

/**
 * Runs a page's blocks in order, in one shell, so that a `cd` of one holds for the next, in a home and folder of their own that are removed at the end.
 * Answers what went wrong: the first block that did not end with 0 and its output, or each output that is not as promised.
 */
export async function runPage(page: Page, { slipway, limitMs }: RunOptions): Promise<string[]> {
  const blocks = runnableBlocks(page);
  if (blocks.length === 0) return [];
  const root = await mkdtemp(join(tmpdir(), "sw-docs-"));
  try {
    const output = join(root, "output");
    const how = await runShell(root, script(blocks), { slipway, limitMs, output });
    const parts = (await readFile(output, "utf8")).split(MARK).slice(1);
    if (how !== undefined) {
      const last = blocks[parts.length - 1] ?? blocks[0];
      return [`${page.path}:${last?.line}: the block ended with ${how}:\n${parts.at(-1)?.trim() ?? ""}`];
    }
    return blocks.flatMap(({ expected, line }, index) => {
      const missing = expected === undefined ? undefined : missingLine(expected, parts[index] ?? "");
      return missing === undefined ? [] : [`${page.path}:${line}: the output lacks "${missing}":\n${parts[index]?.trim()}`];
    });
  } finally {
    await rm(root, { recursive: true, force: true, maxRetries: 5 });
  }
}

// No program prints it: it tells the outputs of the blocks apart.
const MARK = "\u001f== block ==\u001f\n";

function script(blocks: readonly RunnableBlock[]): string {
  return ["set -euo pipefail", ...blocks.flatMap((block) => [`printf '%s\\n' '${MARK.trim()}'`, block.script])].join("\n");
}

/** Undefined where the shell ended with 0; else how it ended. */
async function runShell(root: string, text: string, options: RunOptions & { output: string }): Promise<string | undefined> {
  const home = join(root, "home");
  const bin = join(root, "bin");
  for (const folder of [join(home, "work"), bin, join(root, "run")]) await mkdir(folder, { recursive: true, mode: 0o700 });
  await symlink(options.slipway, join(bin, "slipway"));
  await writeFile(join(home, ".gitconfig"), "[user]\n\tname = Reader\n\temail = reader@example.org\n[init]\n\tdefaultBranch = main\n");
  const log = openSync(options.output, "a");
  const shell = spawn("bash", ["-c", text], {
    cwd: join(home, "work"),
    // A group of its own, so that what a block leaves behind can be ended.
    detached: true,
    stdio: ["ignore", log, log],
    env: {
      PATH: [bin, dirname(process.execPath), process.env["PATH"]].join(":"),
      HOME: home,
      SLIPWAY_DATA: join(home, "data"),
      XDG_RUNTIME_DIR: join(root, "run"),
      LANG: "C.UTF-8",
    },
  });
  closeSync(log);
  const ended = once(shell, "exit") as Promise<[number | null, NodeJS.Signals | null]>;
  const timer = new AbortController();
  const late = sleep(options.limitMs, "late" as const, { signal: timer.signal }).catch(() => "late" as const);
  const how = await Promise.race([ended, late]);
  timer.abort();
  endGroup(shell.pid);
  if (how === "late") {
    await ended;
    return `no end after ${options.limitMs / 1_000} s`;
  }
  const [code, signal] = how;
  return code === 0 ? undefined : (signal ?? `exit code ${code}`);
}

function endGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, "SIGKILL");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

/** The first promised line that does not come, in order; `…` stands for any characters of a line. */
function missingLine(expected: string, output: string): string | undefined {
  const lines = output.split("\n").map((line) => line.trimEnd());
  let from = 0;
  for (const line of expected.split("\n").filter((text) => text.trim() !== "")) {
    const pattern = new RegExp(`^\\s*${line.trim().split("…").map(literal).join(".*")}$`);
    const at = lines.findIndex((found, index) => index >= from && pattern.test(found));
    if (at === -1) return line.trim();
    from = at + 1;
  }
  return undefined;
}

function literal(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
}
