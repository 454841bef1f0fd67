import { SANDBOX_KINDS, type SandboxKind } from "@slipway/protocol/sandbox-kind";

export interface SandboxProbe {
  readonly ok: boolean;
  readonly tried: string;
  readonly found: string;
}

/** Namespaces and mounts as a job's sandbox has them, with nothing in it. */
const TRIAL = [
  "--unshare-pid",
  "--unshare-ipc",
  "--unshare-net",
  "--unshare-uts",
  "--ro-bind",
  "/",
  "/",
  "--proc",
  "/proc",
  "--dev",
  "/dev",
  "--tmpfs",
  "/tmp",
  // An installation may lie below /tmp; a job's sandbox shows it wherever it lies.
  "--ro-bind",
  process.execPath,
  process.execPath,
  "--new-session",
];

const OPTIONS = { reject: false, timeout: 10_000, stdin: "ignore" } as const;

/** Whether bubblewrap is there and can make a sandbox on this machine: some kernels forbid the namespaces it needs. */
export async function probeBubblewrap(): Promise<SandboxProbe> {
  const { execa } = await import("execa");
  const [probe, version] = await Promise.all([runInSandbox(["true"]), execa("bwrap", ["--version"], OPTIONS)]);
  return probe.ok ? { ...probe, found: version.stdout.trim() || "bubblewrap" } : probe;
}

/** Runs a command in such a sandbox; what it printed is what was found. */
export async function runInSandbox(command: readonly string[]): Promise<SandboxProbe> {
  const tried = `bwrap --unshare-pid --unshare-net … ${command.join(" ")}`;
  const { execa } = await import("execa");
  const result = await execa("bwrap", [...TRIAL, ...command], OPTIONS);
  if (result.exitCode === 0) return { ok: true, tried, found: result.stdout.trim() };
  if (result.code === "ENOENT") return { ok: false, tried, found: "bwrap is not in the PATH" };
  return { ok: false, tried, found: (result.stderr || result.shortMessage || "it failed").trim().split("\n")[0] ?? "it failed" };
}

/** The kind of sandbox that a user asked for as text. */
export function isSandboxKind(text: string): text is SandboxKind {
  return (SANDBOX_KINDS as readonly string[]).includes(text);
}
