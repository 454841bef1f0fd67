/** CSI, OSC and the short escape sequences of terminals (ECMA-48). */
const ESCAPES = /\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b\n]{0,2048}(?:\x07|\x1b\\)|\x1b[PX^_][^\x1b\n]{0,2048}\x1b\\|\x1b[ -/]*[0-~]|\x9b[0-?]*[ -/]*[@-~]/g;
const CONTROLS = /[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\u0080-\u009f]/g;

/** Output of a command as plain lines: no terminal codes, and of a line that was written over with carriage returns only what stood there last. */
export function plainText(output: Uint8Array | string): string {
  const text = typeof output === "string" ? output.toWellFormed() : Buffer.from(output.buffer, output.byteOffset, output.byteLength).toString("utf8");
  return text
    .replace(ESCAPES, "")
    .replace(/\r+\n/g, "\n")
    .split("\n")
    .map((line) => lastOverwrite(line).replace(CONTROLS, "").trimEnd())
    .join("\n");
}

/** The last lines that are not empty, within a limit in characters. */
export function lastLines(text: string, count: number, limitChars: number): string {
  const lines = text.split("\n").filter((line) => line.trim() !== "");
  return lines.slice(-count).join("\n").slice(-limitChars);
}

/** Cuts a text to a number of UTF-8 bytes, never inside a character. */
export function cutToBytes(text: string, limitBytes: number): string {
  const bytes = Buffer.from(text, "utf8");
  if (bytes.length <= limitBytes) return text;
  let end = Math.max(0, limitBytes);
  while (end > 0 && ((bytes[end] ?? 0) & 0xc0) === 0x80) end -= 1;
  return bytes.subarray(0, end).toString("utf8");
}

function lastOverwrite(line: string): string {
  if (!line.includes("\r")) return line;
  return line.split("\r").findLast((part) => part.trim() !== "") ?? "";
}
