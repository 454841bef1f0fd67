/** Of a change, what goes into a prompt, in UTF-16 units; the rest is for the agent to look at. */
const DIFF_LIMIT_CHARACTERS = 120_000;
/** The same of a log. */
const LOG_LIMIT_CHARACTERS = 16_000;

/** A text as a block of Markdown, fenced by more backquotes than it has in a row, so that it cannot end its block early. */
export function fencedBlock(text: string, language = ""): string {
  const longest = Math.max(0, ...Array.from(text.matchAll(/`+/g), (match) => match[0].length));
  const fence = "`".repeat(Math.max(3, longest + 1));
  return `${fence}${language}\n${text}\n${fence}`;
}

/** A log as a block: its beginning and, three times as much, its end. */
export function logBlock(log: string): string {
  if (log.length <= LOG_LIMIT_CHARACTERS) return fencedBlock(log);
  const head = log.slice(0, LOG_LIMIT_CHARACTERS / 4).toWellFormed();
  const tail = log.slice((-LOG_LIMIT_CHARACTERS / 4) * 3).toWellFormed();
  return fencedBlock(`${head}\n[slipway: ${log.length - head.length - tail.length} characters were left out here]\n${tail}`);
}

/** A patch as a block; undefined: it was too large to be read. Where it is not whole, the text says how to see all of it. */
export function diffBlock(patch: string | undefined, { baseOid, headOid }: { readonly baseOid: string; readonly headOid: string }): string {
  const command = `\`git diff ${baseOid} ${headOid}\``;
  if (patch === undefined) return `It is too large to stand here: look at it with ${command}.`;
  if (patch.length <= DIFF_LIMIT_CHARACTERS) return fencedBlock(patch.trimEnd(), "diff");
  return `${fencedBlock(patch.slice(0, DIFF_LIMIT_CHARACTERS).toWellFormed(), "diff")}\n\nIt is longer, and was cut here: ${command} shows all of it.`;
}
