import type { CheckInput, Finding } from "./finding.ts";

/** Of one file no more are named. */
const NAMED = 20;

/** Keys and tokens in added lines, by secretlint's recommended rules. The value itself is in no message. */
export async function checkSecrets({ files }: CheckInput): Promise<Finding[]> {
  // Loaded with the first change that is looked at: it takes longer to start than all other checks to run.
  const [{ lintSource }, { creator }] = await Promise.all([import("@secretlint/core"), import("@secretlint/secretlint-rule-preset-recommend")]);
  const config = { rules: [{ id: "@secretlint/secretlint-rule-preset-recommend", rule: creator }] };
  const findings: Finding[] = [];
  for (const { path, added, after } of files) {
    if (after === undefined || added.length === 0) continue;
    const lines = new Set(added.map(({ number }) => number));
    const { messages } = await lintSource({ source: { content: after, filePath: path, ext: "", contentType: "text" }, options: { config, maskSecrets: true } });
    const found = messages.filter(({ loc }) => [...lines].some((line) => line >= loc.start.line && line <= loc.end.line));
    for (const { loc, messageId } of found.slice(0, NAMED)) {
      findings.push({
        path,
        line: loc.start.line,
        message: `It looks like a secret (${messageId.toLowerCase().replaceAll("_", " ")}). Take it out; whoever reads the repository has it.`,
      });
    }
  }
  return findings;
}
