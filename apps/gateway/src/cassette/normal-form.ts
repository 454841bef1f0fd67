import { createHash } from "node:crypto";

/**
 * What differs between two runs of the same job by nature is masked in both requests before they are compared: `docs/cassettes.md` lists it. What a mask takes
 * away can no longer be told apart, so each is as narrow as its kind allows.
 */
const MASKS: ReadonlyArray<readonly [RegExp, string]> = [
  // Places of one attempt, before their parts are taken for ids; what lies in them stays.
  [/(?:\/[^\s"'`<>:;,()/]+)*\/worker\/(attempts|homes|sandboxes)\/[^\s"'`<>:;,()/]+/g, "<$1>"],
  [/\/(?:private\/)?(tmp|var\/tmp|dev\/shm)\/[^\s"'`<>:;,()/]+/g, "/$1/<temp>"],
  [/\b(127\.0\.0\.1|localhost|\[::1\]):\d{2,5}\b/g, "$1:<port>"],
  // Also behind a word, as in msg_….
  [/(?<![0-9a-z])[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b/gi, "<id>"],
  // Such as resp_…, msg_…, call_…, toolu_…: a word, then a long mix.
  [/\b[a-z]{2,12}[_-](?=[A-Za-z0-9]*\d)[A-Za-z0-9]{16,}\b/g, "<id>"],
  // Of a command's output, as Codex tells it to its model.
  [/\bChunk ID: [0-9a-f]{6}\b/g, "Chunk ID: <id>"],
  // Commits and digests.
  [/\b(?=[0-9a-f]*[a-f])(?=[0-9a-f]*\d)[0-9a-f]{7,128}\b/g, "<id>"],
  [/\b\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}(?::\d{2}(?:[.,]\d+)?)?(?: ?(?:Z|[+-]\d{2}:?\d{2}|UTC))?)?/g, "<time>"],
  [/\b(?:(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]*,? )?(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]* \d{1,2}(?:,? \d{4})?\b/g, "<time>"],
  [/\b(?:(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]*,? )?\d{1,2} (?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]*(?: \d{4})?\b/g, "<time>"],
  [/\b\d{1,2}:\d{2}:\d{2}(?:[.,]\d+)?\b/g, "<time>"],
  // Times since 1970 in s, ms, µs or ns, from 2001 to 2286.
  [/\b[1-9]\d{9}(?:\d{3}){0,3}\b/g, "<time>"],
  // How long something took.
  [/\b\d+(?:\.\d+)? ?(?:ns|µs|us|ms|s|sec|secs|seconds?|minutes?)\b/g, "<duration>"],
  [/\bpid[ =:]+\d+\b/gi, "<pid>"],
];

/** Members that name the client or the conversation, and do not change what is asked. */
const NAMES_OF_CLIENTS: ReadonlySet<string> = new Set(["metadata", "client_metadata", "prompt_cache_key", "safety_identifier", "user", "user_prompt_id"]);

/**
 * A request as lines, for comparing and for people: a line for each member that is no object, such as `input[2].role: user`, and more where its text has more.
 * Members are in the order of their names. A body that is no JSON is its own lines.
 */
export function normalForm(body: string): string[] {
  const lines: string[] = [];
  walk("", parsed(body), lines);
  return lines;
}

function walk(path: string, value: unknown, lines: string[]): void {
  if (Array.isArray(value)) {
    for (const [index, item] of value.entries()) walk(`${path}[${index}]`, item, lines);
  } else if (typeof value === "object" && value !== null) {
    for (const [name, item] of Object.entries(value).toSorted(([one], [other]) => (one < other ? -1 : 1))) {
      if (!NAMES_OF_CLIENTS.has(name)) walk(path === "" ? name : `${path}.${name}`, item, lines);
    }
  } else {
    const text = shown(typeof value === "string" ? value : String(value));
    for (const line of text.split("\n")) lines.push(`${path}: ${line}`);
  }
}

/** Shorter ones may be words. */
const FILE_CHARACTERS = 256;
const ADDRESS_OF_FILE = /^data:[\w.+-]+\/[\w.+-]+;base64,/;
/** A secret that chance has put into a file is masked too. */
const NOT_BASE64 = /[^A-Za-z0-9+/=*]/;

/** A file in base64, such as an image, alone or in an address, is no text: it is told by its digest, however large it is. */
function shown(text: string): string {
  const file = text.slice(ADDRESS_OF_FILE.exec(text.slice(0, FILE_CHARACTERS))?.[0].length ?? 0);
  if (file.length < FILE_CHARACTERS || NOT_BASE64.test(file)) return masked(text);
  return `<${text.length} characters of base64, SHA-256 ${createHash("sha256").update(text).digest("hex")}>`;
}

function masked(text: string): string {
  return MASKS.reduce((so, [pattern, mask]) => so.replace(pattern, mask), text);
}

function parsed(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return body; // No agent sends such a body twice by chance: it is compared as it is.
  }
}
