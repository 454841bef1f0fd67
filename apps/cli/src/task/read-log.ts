import { createReadStream } from "node:fs";
import { SlipwayError } from "@slipway/protocol/errors";
import { FAILURE_LOG_LIMIT_CHARACTERS } from "@slipway/protocol/task-kinds";

/** So much of a log is looked at: a disk full of it is not read for its last lines. */
const READ_LIMIT_BYTES = 64 * 1_048_576;
/** Of what is kept, the beginning; the end tells more, as a rule. */
const HEAD_SHARE = 0.25;

/** Reads a log of a failure, `-` from standard input; a long one keeps its beginning and its end. INVALID_REQUEST where it cannot be read, or is empty. */
export async function readLog(path: string): Promise<string> {
  const bytes = await readBytes(path);
  // What is no text, such as a picture, shows as what it is to nobody.
  if (bytes.includes(0)) throw refused(path, "a text", "The file has zero bytes, as programs and pictures have them.");
  const text = bytes.toString("utf8").trimEnd();
  if (text.trim() === "") throw refused(path, "a log with something in it", "It is empty.");
  return cutInMiddle(text);
}

async function readBytes(path: string): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of path === "-" ? process.stdin : createReadStream(path)) {
      chunks.push(chunk as Buffer);
      size += (chunk as Buffer).length;
      if (size > READ_LIMIT_BYTES) throw refused(path, "at most 64 MiB", "Give the part of it that shows the failure.");
    }
  } catch (error) {
    if (error instanceof SlipwayError) throw error;
    throw refused(path, "a file that can be read", error instanceof Error ? `${error.message}.` : String(error));
  }
  return Buffer.concat(chunks);
}

function cutInMiddle(text: string): string {
  if (text.length <= FAILURE_LOG_LIMIT_CHARACTERS) return text;
  const room = FAILURE_LOG_LIMIT_CHARACTERS - 100;
  const head = text.slice(0, Math.floor(room * HEAD_SHARE)).toWellFormed();
  const tail = text.slice(text.length - Math.floor(room * (1 - HEAD_SHARE))).toWellFormed();
  return `${head}\n[slipway: ${text.length - head.length - tail.length} characters of the log were left out here]\n${tail}`;
}

function refused(value: string, expected: string, hint: string): SlipwayError {
  return new SlipwayError("INVALID_REQUEST", `--log: expected ${expected}.`, { field: "--log", value, expected, hint });
}
