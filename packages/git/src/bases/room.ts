import { statfs } from "node:fs/promises";

export interface RoomLimits {
  /** What all together may take of the disk, in bytes; those in use may be beyond it. */
  readonly totalBytes: number;
  /** Below so many free bytes those that nobody uses go. */
  readonly minFreeBytes: number;
}

/** Whether what is kept in a folder takes too much of its disk. */
export async function wantsRoom(folder: string, kept: ReadonlyArray<{ readonly bytes: number }>, limits: RoomLimits): Promise<boolean> {
  const { bavail, bsize } = await statfs(folder);
  const totalBytes = kept.reduce((sum, { bytes }) => sum + bytes, 0);
  return bavail * bsize < limits.minFreeBytes || totalBytes > limits.totalBytes;
}
