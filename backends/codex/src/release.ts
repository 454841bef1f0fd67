/** The release of Codex that this backend is made for and tested with. */
export const CODEX_VERSION = "0.169.0";
export const CODEX_PACKAGE = `@openai/codex@${CODEX_VERSION}`;
/** For the manifest. */
export const CODEX_RELEASE = { package: "@openai/codex", version: CODEX_VERSION, tested: `${minorOf(CODEX_VERSION)}.x` };
export const INSTALL_COMMAND = "slipway backends install codex";

/** Releases whose flags and events are the tested ones: those of the same minor version. */
export function isTested(version: string): boolean {
  return minorOf(version) === minorOf(CODEX_VERSION);
}

function minorOf(version: string): string {
  return version.split(".").slice(0, 2).join(".");
}
