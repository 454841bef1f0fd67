import { statfs } from "node:fs/promises";

/** Below this many free bytes under the data folder nothing new is claimed: a job there would only fail with DISK_FULL. */
export const MIN_FREE_BYTES = 268_435_456;
/** Below this many bytes of available memory nothing new is claimed: the kernel would end one of those that run already. */
export const MIN_FREE_MEMORY_BYTES = 268_435_456;

/** Why nothing should be claimed, or undefined where there is room on the disk and in memory, what this process may use at most counted. */
export async function noRoom(folder: string, limits: { minFreeBytes?: number; minFreeMemoryBytes?: number } = {}): Promise<string | undefined> {
  const { minFreeBytes = MIN_FREE_BYTES, minFreeMemoryBytes = MIN_FREE_MEMORY_BYTES } = limits;
  const { bavail, bsize } = await statfs(folder);
  const free = bavail * bsize;
  if (free < minFreeBytes) return `only ${mebibytes(free)} MiB of disk are free under ${folder}, ${mebibytes(minFreeBytes)} MiB are needed`;
  const available = process.availableMemory();
  if (available < minFreeMemoryBytes) return `only ${mebibytes(available)} MiB of memory are available, ${mebibytes(minFreeMemoryBytes)} MiB are needed`;
  return undefined;
}

function mebibytes(bytes: number): number {
  return Math.floor(bytes / 1_048_576);
}
