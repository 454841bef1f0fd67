/**
 * A Dockerfile with its arguments filled in, so that a context builds the same under every builder, with no flags: the default of each `ARG NAME` in it is replaced.
 * Throws where an argument has no such line, which is a mistake in the Dockerfile.
 */
export function withArguments(dockerfile: string, values: Readonly<Record<string, string>>): string {
  let text = dockerfile;
  for (const [name, value] of Object.entries(values)) {
    const line = new RegExp(`^ARG ${name}(=.*)?$`, "gm");
    if (!line.test(text)) throw new Error(`the Dockerfile has no line ARG ${name}`);
    text = text.replace(line, () => `ARG ${name}="${value.replace(/["\\$]/g, "\\$&")}"`);
  }
  return text;
}
