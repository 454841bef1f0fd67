/** The release of Claude Code that this backend is made for and tested with. */
export const CLAUDE_VERSION = "2.1.329";
export const CLAUDE_PACKAGE = `@anthropic-ai/claude-code@${CLAUDE_VERSION}`;
/** For the manifest. */
export const CLAUDE_RELEASE = { package: "@anthropic-ai/claude-code", version: CLAUDE_VERSION, tested: `${CLAUDE_VERSION} and later 2.1.x` };
export const INSTALL_COMMAND = "slipway backends install claude-code";

/** Releases whose flags and events are the tested ones: those of the same minor version, from the tested one on. */
export function isTested(version: string): boolean {
  const [major, minor, patch] = numbersOf(version);
  const [testedMajor, testedMinor, testedPatch] = numbersOf(CLAUDE_VERSION);
  return major === testedMajor && minor === testedMinor && (patch ?? 0) >= (testedPatch ?? 0);
}

function numbersOf(version: string): number[] {
  return version.split(".").map((part) => Number.parseInt(part, 10));
}
