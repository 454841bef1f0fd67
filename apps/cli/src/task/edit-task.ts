import { spawn } from "node:child_process";
import { once } from "node:events";
import { rmSync } from "node:fs";
import { mkdtemp, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { SlipwayError } from "@slipway/protocol/errors";
import { shellWord } from "../terminal/shell.ts";
import type { GivenTask } from "./read-task.ts";
import { checkedTask, decodeText, EDITOR_TEMPLATE, withoutComments } from "./task-text.ts";

/** Opens a person's editor on a template and takes what they wrote. INVALID_REQUEST where the editor fails or nothing was written. */
export async function editTask(command: string): Promise<GivenTask> {
  const file = join(await mkdtemp(join(tmpdir(), "slipway-task-")), "task.md");
  await writeFile(file, EDITOR_TEMPLATE, { mode: 0o600 });
  let isKept = false;
  const discard = (): void => {
    isKept = false;
    rmSync(dirname(file), { recursive: true, force: true });
  };
  const leave = (): void => {
    if (isKept) process.stderr.write(`Your text is kept: --task-file ${shellWord(file)}\n`);
  };
  try {
    await runEditor(command, file);
    const written = withoutComments(decodeText(await readFile(file), file).replace(/\r\n?/g, "\n"));
    isKept = written.trim() !== "";
    const text = checkedTask(written);
    if (isKept) await writeFile(file, text);
    return { text, discard, [Symbol.dispose]: leave };
  } catch (error) {
    if (isKept) leave();
    else discard();
    throw error;
  }
}

/** As git does it: the command is a shell's, such as `code --wait`. */
async function runEditor(command: string, file: string): Promise<void> {
  // The editor has the terminal, and Ctrl-C is for it.
  const ignore = (): void => undefined;
  process.on("SIGINT", ignore);
  try {
    const editor = spawn("/bin/sh", ["-c", `${command} "$@"`, command, file], { stdio: "inherit" });
    const [code, signal] = (await once(editor, "exit")) as [number | null, NodeJS.Signals | null];
    if (code === 0) return;
    const hint = "Mend VISUAL or EDITOR, or give the task as an argument or with --task-file.";
    throw new SlipwayError("INVALID_REQUEST", `The editor \`${command}\` ended with ${signal ?? `exit code ${code}`}; nothing was submitted.`, { hint });
  } finally {
    process.off("SIGINT", ignore);
  }
}
