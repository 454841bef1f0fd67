import { SlipwayError } from "@slipway/protocol/errors";
import { execa } from "execa";
import { tellsOfFullDisk } from "../exec.ts";

/** Copies what is in a folder into another one that is there, sharing all blocks. WORKSPACE_FAILED where the file system cannot, DISK_FULL. */
export async function copySharing(from: string, to: string, signal?: AbortSignal): Promise<void> {
  const how = process.platform === "darwin" ? ["-cRp"] : ["-a", "--reflink=always", "--no-target-directory"];
  const args = [...how, "--", process.platform === "darwin" ? `${from}/.` : from, to];
  const ended = await execa("cp", args, { stdin: "ignore", reject: false, ...(signal ? { cancelSignal: signal } : {}) });
  signal?.throwIfAborted();
  if (ended.exitCode === 0) return;
  const why = ended.stderr.slice(0, 1_000);
  if (tellsOfFullDisk(why)) throw new SlipwayError("DISK_FULL", undefined, { stderr: why });
  throw new SlipwayError("WORKSPACE_FAILED", `The base could not be copied: ${why.split("\n")[0]}`, { stderr: why }, { cause: ended.cause });
}
