import { readFile } from "node:fs/promises";
import { cpus, release, totalmem, type } from "node:os";
import { execa } from "execa";

/** The machine that the figures hold for. */
export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryMiB: number;
  readonly kernel: string;
  readonly node: string;
  readonly git: string;
  readonly filesystem: string;
  /** Load over the last minute when the bench began: a busy machine gives other figures. */
  readonly load: string;
}

export async function describeMachine(folder: string): Promise<Machine> {
  const fs = await execa("stat", ["--file-system", "--format=%T", folder], { reject: false });
  const git = await execa("git", ["--version"], { reject: false });
  const load = await readFile("/proc/loadavg", "utf8").catch(() => "unknown");
  return {
    cpu: cpus()[0]?.model.trim() || "unknown",
    cores: cpus().length,
    memoryMiB: Math.round(totalmem() / 1_048_576),
    kernel: `${type()} ${release()}`,
    node: process.version,
    git: git.stdout.replace(/^git version /, "").trim() || "unknown",
    filesystem: fs.stdout.trim() || "unknown",
    load: load.split(" ")[0] ?? "unknown",
  };
}
