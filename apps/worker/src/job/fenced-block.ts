/** A text as a block of Markdown, fenced by more backquotes than it has in a row, so that it cannot end its block early. */
export function fencedBlock(text: string, language = ""): string {
  const longest = Math.max(0, ...Array.from(text.matchAll(/`+/g), (match) => match[0].length));
  const fence = "`".repeat(Math.max(3, longest + 1));
  return `${fence}${language}\n${text}\n${fence}`;
}
