import { runSystem } from "./system.ts";

/** Copies what is in a folder into another one that is there, sharing all blocks. WORKSPACE_FAILED where the file system cannot, DISK_FULL. */
export async function copySharing(from: string, to: string, signal: AbortSignal): Promise<void> {
  const isMac = process.platform === "darwin";
  const how = isMac ? ["-cRp"] : ["-a", "--reflink=always", "--no-target-directory"];
  await runSystem("cp", [...how, "--", isMac ? `${from}/.` : from, to], { signal });
}
