import type { ManifestInput } from "@slipway/protocol/manifest";

/** An agent's package in the release that its profile is made for and tested with. */
export interface Release {
  readonly backend: string;
  readonly packageName: string;
  readonly version: string;
  /** npm's where it is missing. */
  readonly registry?: "pypi";
}

export const GEMINI: Release = { backend: "gemini", packageName: "@google/gemini-cli", version: "0.61.0" };
export const QWEN: Release = { backend: "qwen", packageName: "@qwen-code/qwen-code", version: "0.24.4" };
export const OPENCODE: Release = { backend: "opencode", packageName: "opencode-ai", version: "1.18.33" };
export const KIMI: Release = { backend: "kimi", packageName: "@moonshot-ai/kimi-code", version: "2.1.0" };
export const CODEX_ACP: Release = { backend: "codex-acp", packageName: "@agentclientprotocol/codex-acp", version: "2.6.0" };
export const CLAUDE_ACP: Release = { backend: "claude-acp", packageName: "@agentclientprotocol/claude-agent-acp", version: "0.101.0" };
export const MISTRAL_VIBE: Release = { backend: "mistral-vibe", packageName: "mistral-vibe", version: "3.0.3", registry: "pypi" };

/** As npm takes it. */
export function specOf({ packageName, version }: Release): string {
  return `${packageName}@${version}`;
}

/** For the manifest. */
export function releaseOf({ packageName, version, registry }: Release): NonNullable<ManifestInput["release"]> {
  return { package: packageName, version, tested: `${minorOf(version)}.x`, ...(registry ? { registry } : {}) };
}

/** Shown, not run. */
export function installCommand({ backend }: Release): string {
  return `slipway backends install ${backend}`;
}

/** Releases whose flags and messages are the tested ones: those of the same minor version. */
export function isTested(release: Release, version: string): boolean {
  return minorOf(version) === minorOf(release.version);
}

function minorOf(version: string): string {
  return version.split(".").slice(0, 2).join(".");
}
