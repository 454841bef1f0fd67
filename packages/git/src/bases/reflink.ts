import { runSystem } from "./system.ts";

/** Copies what is in a folder into another one that is there, sharing all blocks. WORKSPACE_FAILED where the file system cannot, DISK_FULL. */
export async function copySharing(from: string, to: string, signal: AbortSignal): Promise<void> {
  await copy(from, to, "always", signal);
}

/** The same, sharing blocks where the file system can. */
export async function copyInto(from: string, to: string, signal: AbortSignal | undefined): Promise<void> {
  await copy(from, to, "auto", signal);
}

async function copy(from: string, to: string, sharing: "always" | "auto", signal: AbortSignal | undefined): Promise<void> {
  const isMac = process.platform === "darwin";
  const how = isMac ? ["-cRp"] : ["-a", `--reflink=${sharing}`, "--no-target-directory"];
  await runSystem("cp", [...how, "--", isMac ? `${from}/.` : from, to], signal ? { signal } : {});
}
