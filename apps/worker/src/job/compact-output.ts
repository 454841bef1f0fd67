import { cutToBytes, plainText } from "./plain-text.ts";

/** What a failed command said, in at most this many bytes of UTF-8. */
export const COMPACT_LIMIT_BYTES = 8_192;

const LINE_LIMIT_CHARS = 500;
const TAIL_LINES = 20;
/** How many lines after a headline still belong to its failure, at most: diff, message and the top of the stack. */
const FAILURE_LINES = 15;
const NEAR_LINES = 4;
const FIRST_HEADLINES = 40;
const STACK_FRAMES = 5;
/** Of longer outputs the middle is looked at for headlines only. */
const LINES_LOOKED_AT = 20_000;

/** Lines that name a failure, in the words of the tools that people use as gates. */
const HEADLINES: readonly RegExp[] = [
  /^\s*not ok\b/, // TAP: tape, node --test
  /^\s*(✗|✘|✕|×|✖|⨯|●|❌)\s/, // node, jest, vitest, xo
  /\bFAIL(ED|URE|URES|S)?\b/, // jest, vitest, pytest, go, cargo, make
  /^\s*\d+\) \S/, // mocha
  /^(E|>) {2,}\S/, // pytest
  /^_{3,} .* _{3,}$/, // pytest
  /\berror(\[[A-Z]\d+\])?( TS\d+)?:/i, // tsc, cargo, gcc, clang, npm
  /^\s+\d+:\d+\s+error\s/, // eslint
  /\b\w*(Error|Exception)\b.*:/, // JavaScript, Python, Java
  /^(panic|fatal|fatal error|Traceback)\b/, // go, git, Python
  /\bpanicked at\b/, // Rust
  /^\s*--- FAIL/, // go
  /\.(go|py|rb|rs|c|cc|cpp|java|kt|swift):\d+:(\d+:)? /, // compilers, go test
  /\b(assert(ion)?|expected|actual|received|wanted|got|left|right)\b.*[:=]/i,
  /\b(segmentation fault|out of memory|killed|command not found|no such file or directory|cannot find|timed? ?out)\b/i,
  /^\s*([\d,]+ )?(failing|failures?|failed|errors?|problems?)\b|\b[1-9]\d* (failing|failures?|failed|errors?|problems?)\b/i, // summaries
];

/** Lines that say that something went well, or that it goes on. */
const NOISE: readonly RegExp[] = [
  /^\s*(ok \d+|✓|✔|√|PASS|PASSED|--- PASS|=== (RUN|PAUSE|CONT|NAME))\b/u,
  /^\s*[✓✔√]\s/u,
  /^ok\s+\S+\s+(\(cached\)|[\d.]+s)/, // go
  /^test .* \.\.\. (ok|ignored)$/, // cargo
  /^\S+(::\S+)+ PASSED\b/, // pytest -v
  /^\S+\.py [.sx]+\s+\[\s*\d+%\]$/, // pytest
  /^[.·,\s]+(\[\s*\d+%\])?$/, // dots
  /^\s*(Compiling|Checking|Downloading|Downloaded|Updating|Blocking|Fresh|Finished|Locking|Adding) \S+/, // cargo
  /^go: (downloading|finding|extracting) /,
  /^npm (warn|notice|http|timing|verb|sill)\b/i,
  /^\s*(\[[#=>. -]*\]|[#=]{5,})\s*\d*%?\s*$|^\s*\d{1,3}% /, // progress bars
  /^\s*[⠁-⣿|/\\-]\s*$/u, // spinners
  /^\s*(at )?(async )?[^(]*\(?node:[\w/]+:\d+:\d+\)?( \{)?$/, // frames of Node itself
  /^\s*at .*\/node_modules\/(vitest|@vitest|jest[\w-]*|mocha|tape)\//,
];

/** Parts of a TAP diagnostic that nobody needs. */
const TAP_NOISE = /^\s*(duration_ms: .*|type: '\w+'|---|\.\.\.)$/;
const FRAME = /^\s*(at\s.+|\d+: 0x[0-9a-f]+ .*|File ".*", line \d+.*)$/;

/**
 * Compacts the output of a failed command for an agent: failing tests, errors, diffs, the tops of stacks and the last lines stay, in their order;
 * progress, passing tests and terminal codes go, and a line says where something was left out. Never empty, never above the limit.
 */
export function compactOutput(output: Uint8Array | string, limitBytes: number = COMPACT_LIMIT_BYTES): string {
  const lines = plainText(output).split("\n").map(cutLine);
  const told = dropNoise(lines);
  const kept = told.some((line) => line.trim() !== "") ? told : lines.filter((line) => line.trim() !== "");
  if (kept.length === 0) return cutToBytes("(it wrote nothing)", limitBytes);
  const whole = trimBlank(kept).join("\n");
  if (Buffer.byteLength(whole) <= limitBytes) return whole;
  return cutToBytes(mostImportant(shorten(kept), limitBytes), limitBytes);
}

function dropNoise(lines: readonly string[]): string[] {
  const kept: string[] = [];
  let frames = 0;
  for (const line of lines) {
    // In TAP the title of a test comes before its result.
    if (/^\s*ok \d+/.test(line) && /^\s*# \S/.test(kept.at(-1) ?? "")) kept.pop();
    if (NOISE.some((pattern) => pattern.test(line)) || TAP_NOISE.test(line)) continue;
    frames = FRAME.test(line) ? frames + 1 : 0;
    if (frames > STACK_FRAMES) continue;
    if (line === kept.at(-1)) continue;
    kept.push(line);
  }
  return kept;
}

/** Keeps the cost of a huge output in bounds: its beginning, its end, and the headlines between. */
function shorten(lines: readonly string[]): readonly string[] {
  if (lines.length <= LINES_LOOKED_AT) return lines;
  const edge = LINES_LOOKED_AT / 4;
  const headlines = lines.slice(edge, -edge).filter(isHeadline);
  return [...lines.slice(0, edge), ...headlines.slice(0, edge), ...headlines.slice(edge).slice(-edge), ...lines.slice(-edge)];
}

/** As many lines as fit, taken by their rank and shown in their order. */
function mostImportant(lines: readonly string[], limitBytes: number): string {
  const ranks = rankLines(lines);
  const order = lines.map((_, index) => index).sort((a, b) => (ranks[a] ?? 0) - (ranks[b] ?? 0) || tieBreak(ranks[a] ?? 0, a, b));
  let fits = 0;
  let tooMany = order.length + 1;
  while (tooMany - fits > 1) {
    const middle = Math.floor((fits + tooMany) / 2);
    if (Buffer.byteLength(render(lines, order.slice(0, middle))) <= limitBytes) fits = middle;
    else tooMany = middle;
  }
  return render(lines, order.slice(0, Math.max(fits, 1)));
}

/** What does not matter much is filled up from the end, the rest from the beginning. */
function tieBreak(rank: number, a: number, b: number): number {
  return rank === LAST_RANK ? b - a : a - b;
}

const LAST_RANK = 5;

function rankLines(lines: readonly string[]): number[] {
  const ranks = lines.map((line) => (line.trim() === "" ? LAST_RANK + 1 : LAST_RANK));
  const raise = (index: number, rank: number): void => {
    if (index >= 0 && index < ranks.length && lines[index]?.trim() !== "") ranks[index] = Math.min(ranks[index] ?? rank, rank);
  };
  let headlines = 0;
  let sinceHeadline = Number.POSITIVE_INFINITY;
  for (const [index, line] of lines.entries()) {
    if (isHeadline(line)) {
      const startsFailure = sinceHeadline > NEAR_LINES;
      sinceHeadline = 0;
      headlines += 1;
      raise(index, startsFailure && headlines <= FIRST_HEADLINES ? 0 : headlines <= FIRST_HEADLINES ? 1 : 3);
      raise(index - 1, 4);
    } else {
      sinceHeadline += 1;
      if (sinceHeadline <= FAILURE_LINES) raise(index, sinceHeadline <= NEAR_LINES ? 2 : 4);
    }
  }
  for (let back = 1; back <= TAIL_LINES; back += 1) raise(lines.length - back, back <= 5 ? 0 : 3);
  return ranks;
}

function isHeadline(line: string): boolean {
  return HEADLINES.some((pattern) => pattern.test(line));
}

function render(lines: readonly string[], chosen: readonly number[]): string {
  const shown: string[] = [];
  let next = 0;
  for (const index of chosen.toSorted((a, b) => a - b)) {
    if (index > next) shown.push(`[… ${index - next} lines left out …]`);
    shown.push(lines[index] ?? "");
    next = index + 1;
  }
  if (next < lines.length && chosen.length > 0) shown.push(`[… ${lines.length - next} lines left out …]`);
  return shown.join("\n");
}

function cutLine(line: string): string {
  return line.length <= LINE_LIMIT_CHARS ? line : `${line.slice(0, LINE_LIMIT_CHARS - 110).toWellFormed()} […] ${line.slice(-100).toWellFormed()}`;
}

function trimBlank(lines: readonly string[]): readonly string[] {
  const first = lines.findIndex((line) => line.trim() !== "");
  const last = lines.findLastIndex((line) => line.trim() !== "");
  return lines.slice(first, last + 1);
}
