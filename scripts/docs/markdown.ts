import { readFile } from "node:fs/promises";

/** A fenced block: what stands behind its fence, its text, and the line of its opening fence, from 1. */
export interface Fence {
  readonly info: string;
  readonly text: string;
  readonly line: number;
}

/** A page: its fenced blocks, and the rest by line, in which the lines of blocks are empty. */
export interface Page {
  readonly path: string;
  readonly fences: readonly Fence[];
  readonly prose: readonly string[];
}

/** A link of a page to another place. */
export interface Link {
  readonly target: string;
  readonly line: number;
}

export async function readPage(path: string): Promise<Page> {
  return parsePage(path, await readFile(path, "utf8"));
}

/** Fences of backticks and tildes, indented ones too; one that is never closed goes to the end, as everywhere. */
export function parsePage(path: string, text: string): Page {
  const fences: Fence[] = [];
  const prose: string[] = [];
  let open: { mark: string; indent: number; info: string; line: number; lines: string[] } | undefined;
  for (const [index, line] of text.replaceAll("\r\n", "\n").split("\n").entries()) {
    const [, indent = "", mark = "", info = ""] = /^(\s*)(`{3,}|~{3,})\s*([^`]*)$/.exec(line) ?? [];
    if (open === undefined && mark !== "") {
      open = { mark, indent: indent.length, info: info.trim(), line: index + 1, lines: [] };
      prose.push("");
    } else if (open === undefined) {
      prose.push(line);
    } else {
      prose.push("");
      if (mark.startsWith(open.mark) && info === "") {
        fences.push({ info: open.info, text: open.lines.join("\n"), line: open.line });
        open = undefined;
      } else open.lines.push(line.slice(Math.min(open.indent, line.length - line.trimStart().length)));
    }
  }
  if (open) fences.push({ info: open.info, text: open.lines.join("\n"), line: open.line });
  return { path, fences, prose };
}

/** Links and images of the prose, `[text](target)`; what stands in code is none. */
export function linksOf({ prose }: Page): Link[] {
  return prose.flatMap((text, index) => {
    const links = text.replace(/`[^`]*`/g, "code").matchAll(/\]\(\s*<?([^)>\s]+)>?(?:\s+"[^"]*")?\s*\)/g);
    return [...links].map(([, target = ""]) => ({ target, line: index + 1 }));
  });
}

/** Code in the prose, such as a command that it names, with its line. */
export function codeOf({ prose }: Page): Array<{ text: string; line: number }> {
  return prose.flatMap((text, index) => [...text.matchAll(/`([^`]+)`/g)].map(([, code = ""]) => ({ text: code, line: index + 1 })));
}

/** The names by which links reach the headings of a page, as GitHub makes them: small letters, no punctuation, a number where a name comes again. */
export function anchorsOf({ prose }: Page): Set<string> {
  const anchors = new Set<string>();
  for (const text of prose) {
    const [, heading] = /^#{1,6}\s+(.*?)\s*#*$/.exec(text) ?? [];
    if (heading === undefined) continue;
    const name = heading
      .replace(/\[([^\]]*)\]\([^)]*\)/g, "$1")
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, "")
      .replaceAll(" ", "-");
    let anchor = name;
    for (let count = 1; anchors.has(anchor); count += 1) anchor = `${name}-${count}`;
    anchors.add(anchor);
  }
  return anchors;
}
