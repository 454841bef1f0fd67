import { statfs } from "node:fs/promises";

/** Below this many free bytes under the data folder nothing new is claimed: a job there would only fail with DISK_FULL. */
export const MIN_FREE_BYTES = 268_435_456;

/** Why nothing should be claimed, or undefined where there is room. */
export async function noRoom(folder: string, minFreeBytes = MIN_FREE_BYTES): Promise<string | undefined> {
  const { bavail, bsize } = await statfs(folder);
  const free = bavail * bsize;
  return free < minFreeBytes ? `only ${mebibytes(free)} MiB free under ${folder}, ${mebibytes(minFreeBytes)} MiB are needed` : undefined;
}

function mebibytes(bytes: number): number {
  return Math.floor(bytes / 1_048_576);
}
