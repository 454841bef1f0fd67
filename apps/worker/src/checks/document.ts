import { dirname, join } from "node:path/posix";

/** What is wrong with a document that a job was to write, each in a sentence with its line. */
export function documentFindings(document: { readonly path: string; readonly text: string }, headings: readonly string[], paths: readonly string[]): string[] {
  const lines = visibleLines(document.text);
  if (lines.every(({ text }) => text.trim() === "")) return [`${document.path}: The document is empty.`];
  const found = [...headingFindings(lines, headings), ...linkFindings(lines, document.path, paths)];
  return found.map(({ line, message }) => `${document.path}${line === undefined ? "" : `:${line}`}: ${message}`);
}

interface Finding {
  readonly line?: number;
  readonly message: string;
}

interface DocumentLine {
  readonly line: number;
  readonly text: string;
  /** In a block of code nothing is a heading or a link. */
  readonly isCode: boolean;
}

function visibleLines(text: string): DocumentLine[] {
  let fence: string | undefined;
  return text.split(/\r?\n/).map((content, index) => {
    const mark = /^ {0,3}(`{3,}|~{3,})/.exec(content)?.[1];
    const isInside = fence !== undefined;
    if (mark && fence === undefined) fence = mark;
    else if (mark && fence !== undefined && mark.startsWith(fence) && content.trim() === mark) fence = undefined;
    return { line: index + 1, text: content, isCode: isInside || mark !== undefined };
  });
}

function headingFindings(lines: readonly DocumentLine[], wanted: readonly string[]): Finding[] {
  const headings = lines.flatMap(({ text, isCode, line }, index) => {
    const match = isCode ? null : /^ {0,3}(#{1,6})\s+(.*?)\s*#*\s*$/.exec(text);
    return match ? [{ line, index, level: match[1]?.length ?? 1, title: plain(match[2] ?? "") }] : [];
  });
  return wanted.flatMap((heading): Finding[] => {
    const found = headings.find(({ title }) => title === plain(heading));
    if (!found) return [{ message: `The heading "${heading}" is missing.` }];
    const end = headings.find(({ index, level }) => index > found.index && level <= found.level)?.index ?? lines.length;
    const below = lines.slice(found.index + 1, end).some(({ text, isCode }) => text.trim() !== "" && (isCode || !/^ {0,3}#{1,6}\s/.test(text)));
    return below ? [] : [{ line: found.line, message: `There is nothing below the heading "${heading}".` }];
  });
}

function plain(title: string): string {
  return title
    .replace(/[*_`]/g, "")
    .replace(/^\d+[.)]\s+/, "")
    .replace(/:$/, "")
    .trim()
    .toLowerCase();
}

/** `[text](target)` and `[name]: target`; the target may stand in angle brackets, with a title behind it. */
const LINKS = [/\]\(\s*(?:<([^>\n]*)>|([^\s()]+(?:\([^\s()]*\)[^\s()]*)*))[^)\n]*\)/g, /^ {0,3}\[[^\]\n]+\]:\s*(?:<([^>\n]*)>|(\S+))/g] as const;

function linkFindings(lines: readonly DocumentLine[], document: string, paths: readonly string[]): Finding[] {
  const known = new Set(paths);
  const folders = new Set(paths.flatMap(foldersOf));
  return lines.flatMap(({ line, text, isCode }): Finding[] => {
    if (isCode) return [];
    const targets = LINKS.flatMap((pattern) => Array.from(text.replace(/`[^`]*`/g, "").matchAll(pattern), (match) => match[1] ?? match[2] ?? ""));
    return targets.flatMap((target) => {
      const path = pathOf(target, document);
      if (path === undefined || path === "." || known.has(path) || folders.has(path)) return [];
      return [{ line, message: `The link to ${target} leads nowhere: the repository has no ${path}.` }];
    });
  });
}

/** The path in the repository that a link means; undefined where it leads elsewhere, or to a place in the document itself. */
function pathOf(target: string, document: string): string | undefined {
  if (/^[a-z][a-z0-9+.-]*:/i.test(target) || target.startsWith("//") || target.startsWith("#") || target === "") return undefined;
  const [bare = ""] = target.split(/[?#]/);
  let path = bare;
  try {
    path = decodeURIComponent(bare);
  } catch {
    // A stray percent sign is a name like any other.
  }
  const whole = path.startsWith("/") ? join(".", path) : join(dirname(document), path);
  return whole.replace(/\/+$/, "");
}

function foldersOf(path: string): string[] {
  const parts = path.split("/").slice(0, -1);
  return parts.map((_, index) => parts.slice(0, index + 1).join("/"));
}
