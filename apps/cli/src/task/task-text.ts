import { SlipwayError } from "@slipway/protocol/errors";
import { TASK_LIMIT_CHARACTERS } from "@slipway/protocol/job";

/** No text of so many bytes can be short enough, in whatever encoding. */
export const READ_LIMIT_BYTES = 4 * TASK_LIMIT_CHARACTERS;

/** Text as editors and shells write it: UTF-8, or UTF-16 where a byte order mark says so (PowerShell's `>`). INVALID_REQUEST where it is neither. */
export function decodeText(bytes: Uint8Array, source: string): string {
  try {
    // A decoder cuts the mark off by itself.
    return new TextDecoder(encodingOf(bytes), { fatal: true }).decode(bytes);
  } catch (error) {
    const hint = "Save it as UTF-8 text, then try again.";
    throw new SlipwayError("INVALID_REQUEST", `The task of ${source} is no UTF-8 text.`, { hint }, { cause: error });
  }
}

function encodingOf([first, second]: Uint8Array): "utf-8" | "utf-16le" | "utf-16be" {
  if (first === 0xff && second === 0xfe) return "utf-16le";
  return first === 0xfe && second === 0xff ? "utf-16be" : "utf-8";
}

/** The task with plain line ends, without empty lines around it. INVALID_REQUEST where nothing is left, PAYLOAD_TOO_LARGE where it is too long. */
export function checkedTask(text: string): string {
  const task = text
    .replace(/^\ufeff/, "")
    .replace(/\r\n?/g, "\n")
    .replace(/^(?:[^\S\n]*\n)+/, "")
    .trimEnd();
  if (task.trim() === "") throw new SlipwayError("INVALID_REQUEST", "The task is empty; nothing was submitted.", { hint: "Say what the agent should do." });
  if (task.includes("\0")) {
    throw new SlipwayError("INVALID_REQUEST", "The task holds a NUL byte, so it is no text; nothing was submitted.", { hint: "Give it as plain text." });
  }
  if (task.length > TASK_LIMIT_CHARACTERS) throw tooLong(`${task.length} characters`);
  return task;
}

/** PAYLOAD_TOO_LARGE with what was found. */
export function tooLong(found: string): SlipwayError {
  return new SlipwayError("PAYLOAD_TOO_LARGE", `The task has ${found}; ${TASK_LIMIT_CHARACTERS} characters are the most. Nothing was submitted.`, {
    hint: "Put what is long into a file of the repository, and name the file in the task.",
    limitCharacters: TASK_LIMIT_CHARACTERS,
  });
}

/** Begins a line of the editor's template that is not part of the task. Not `#` alone, which begins a heading in Markdown. */
const COMMENT = "#|";

/** What an editor opens with. */
export const EDITOR_TEMPLATE = `

${COMMENT} What should the agent do? Write it above, in plain words; it is read as Markdown by most agents.
${COMMENT} Lines that begin with ${COMMENT} are left out. Leave the text empty to submit nothing.
`;

/** The text without the template's lines. */
export function withoutComments(text: string): string {
  return text
    .split("\n")
    .filter((line) => !line.startsWith(COMMENT))
    .join("\n");
}
