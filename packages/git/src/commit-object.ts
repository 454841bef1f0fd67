/** Who made a commit, and when. */
export interface Identity {
  readonly name: string;
  readonly email: string;
  /** As git takes it, such as `@1700000000 +0000`; now where it is missing. */
  readonly date?: string;
}

/** The environment that gives a commit its author and committer. */
export function identityEnvironment(author: Identity, committer: Identity): Record<string, string> {
  return {
    GIT_AUTHOR_NAME: oneLine(author.name) || "Slipway",
    GIT_AUTHOR_EMAIL: oneLine(author.email) || "slipway@localhost",
    ...(author.date ? { GIT_AUTHOR_DATE: author.date } : {}),
    GIT_COMMITTER_NAME: oneLine(committer.name) || "Slipway",
    GIT_COMMITTER_EMAIL: oneLine(committer.email) || "slipway@localhost",
    ...(committer.date ? { GIT_COMMITTER_DATE: committer.date } : {}),
  };
}

/**
 * A commit message that ends with trailers (git-interpret-trailers(1)), after them one `Co-authored-by` for each of these; a value is one line, whatever it
 * came as.
 */
export function messageWithTrailers(message: string, trailers: Readonly<Record<string, string>>, coAuthors: readonly Identity[] = []): string {
  const body = message.replaceAll("\0", "").trim() || "Change";
  const lines = [
    ...Object.entries(trailers).map(([key, value]) => `${key}: ${oneLine(value)}`),
    ...coAuthors.map(({ name, email }) => `Co-authored-by: ${oneLine(name)} <${oneLine(email)}>`),
  ];
  if (lines.length === 0) return `${body}\n`;
  // A message that already ends with trailers gets the new ones in the same block.
  const last = body.split(/\n\n+/).at(-1) ?? "";
  const endsWithTrailers = body.includes("\n\n") && last.split("\n").every((line) => /^[A-Za-z0-9-]+: \S/.test(line));
  return `${body}${endsWithTrailers ? "\n" : "\n\n"}${lines.join("\n")}\n`;
}

function oneLine(text: string): string {
  return text.replace(/[\x00-\x1f\x7f<>]+/g, " ").trim();
}
