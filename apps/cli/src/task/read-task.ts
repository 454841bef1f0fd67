import { open } from "node:fs/promises";
import { SlipwayError } from "@slipway/protocol/errors";
import { editTask } from "./edit-task.ts";
import { checkedTask, decodeText, READ_LIMIT_BYTES, tooLong } from "./task-text.ts";

/** Where a task comes from. */
export type TaskSource =
  | { readonly kind: "argument"; readonly text: string }
  | { readonly kind: "file"; readonly path: string }
  | { readonly kind: "stdin" }
  | { readonly kind: "editor"; readonly command: string };

/** A task that is fit to be submitted. What a person wrote in an editor is kept in a file, and that is told, unless it was discarded. */
export interface GivenTask extends Disposable {
  readonly text: string;
  /** It was submitted: nobody needs the file any more. */
  discard(): void;
}

const WAYS =
  'Give it as text (`slipway run "…"`), as a file (--task-file FILE), or on standard input (`-`); on a terminal, an editor opens where VISUAL or EDITOR names one.';

/** Chooses the source, and reads nothing yet: a mistake elsewhere is to be told before anybody writes a text. INVALID_REQUEST where there is none, or more than one. */
export function taskSource(argument: string | undefined, { taskFile, json }: { readonly taskFile?: string; readonly json?: boolean }): TaskSource {
  if (argument !== undefined && taskFile !== undefined) {
    throw new SlipwayError("INVALID_REQUEST", `A task was given twice: as an argument, and with --task-file ${taskFile}.`, { hint: "Leave one of them out." });
  }
  if ((argument ?? taskFile) === "-") return { kind: "stdin" };
  if (argument !== undefined) return { kind: "argument", text: argument };
  if (taskFile !== undefined) return { kind: "file", path: taskFile };
  const isTerminal = process.stdin.isTTY === true && process.stdout.isTTY === true && !json;
  const command = process.env["VISUAL"] || process.env["EDITOR"];
  if (isTerminal && command) return { kind: "editor", command };
  const why = isTerminal ? "No task was given, and neither VISUAL nor EDITOR names an editor." : "No task was given.";
  throw new SlipwayError("INVALID_REQUEST", why, { hint: WAYS });
}

/** Reads the task. INVALID_REQUEST where it is empty, no text or cannot be read, PAYLOAD_TOO_LARGE where it is longer than the server takes. */
export async function readTask(source: TaskSource): Promise<GivenTask> {
  if (source.kind === "editor") return await editTask(source.command);
  const text = checkedTask(await textOf(source));
  return { text, discard: () => undefined, [Symbol.dispose]: () => undefined };
}

async function textOf(source: Exclude<TaskSource, { kind: "editor" }>): Promise<string> {
  if (source.kind === "argument") return source.text;
  if (source.kind === "file") return decodeText(await fileBytes(source.path), source.path);
  if (process.stdin.isTTY) process.stderr.write("Type the task; Ctrl-D on a line of its own ends it.\n");
  return decodeText(await readAtMost(process.stdin), "standard input");
}

async function fileBytes(path: string): Promise<Buffer> {
  try {
    await using file = await open(path, "r");
    return await readAtMost(file.createReadStream({ autoClose: false }));
  } catch (error) {
    if (error instanceof SlipwayError) throw error;
    const why = error instanceof Error ? error.message : String(error);
    const hint = "Check the path; it is relative to the current folder.";
    throw new SlipwayError("INVALID_REQUEST", `The file ${path} of --task-file cannot be read: ${why}.`, { hint }, { cause: error });
  }
}

/** A source without an end, such as /dev/zero, is not read on. */
async function readAtMost(stream: AsyncIterable<Buffer>): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of stream) {
    chunks.push(chunk);
    size += chunk.length;
    if (size > READ_LIMIT_BYTES) throw tooLong(`more than ${READ_LIMIT_BYTES} bytes`);
  }
  return Buffer.concat(chunks);
}
