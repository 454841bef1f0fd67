import type { FileDiff } from "@slipway/git/diff";
import type { CheckInput, Finding } from "./finding.ts";

/** Two spaces at a line's end are a line break there. */
const MARKDOWN = /\.(md|mdx|markdown)$/i;

/** Damage that no reader sees in a diff, and every later one suffers from. */
export function checkWhitespace({ files }: CheckInput): Finding[] {
  return files.filter(({ mode }) => mode !== "120000").flatMap((file) => [...endings(file), ...trailing(file), ...lastLine(file)]);
}

/** A file whose lines all ended in one way, and now end in another. */
function endings({ path, before, after }: FileDiff): Finding[] {
  if (before === undefined || after === undefined) return [];
  const [was, is] = [endingOf(before), endingOf(after)];
  if (was === "none" || is === "none" || was === is || was === "mixed") return [];
  const into = is === "mixed" ? "now end in both ways" : `now end in ${is}`;
  return [{ path, message: `The lines of the file ended in ${was}, and ${into}.` }];
}

function endingOf(text: string): "LF" | "CRLF" | "mixed" | "none" {
  const all = text.split("\n").length - 1;
  const crlf = text.split("\r\n").length - 1;
  if (all === 0) return "none";
  return crlf === 0 ? "LF" : crlf === all ? "CRLF" : "mixed";
}

function trailing({ path, added }: FileDiff): Finding[] {
  if (MARKDOWN.test(path)) return [];
  const [first, ...rest] = added.filter(({ text }) => /[ \t]\r?$/.test(text));
  if (!first) return [];
  const more = rest.length === 0 ? "" : `, and ${rest.length} more ${rest.length === 1 ? "line does" : "lines do"}`;
  return [{ path, line: first.number, message: `The line ends in spaces or tabs${more}.` }];
}

function lastLine({ path, before, after }: FileDiff): Finding[] {
  const isLost = before?.endsWith("\n") === true && after !== undefined && after !== "" && !after.endsWith("\n");
  return isLost ? [{ path, message: "The last line of the file lost its line feed." }] : [];
}
