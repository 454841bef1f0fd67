import { execFile, execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { mkdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { whyNoMount } from "./small-disk.ts";

const run = promisify(execFile);

/** Why no XFS in a file can be mounted here; undefined where it can. Needs root, mkfs.xfs and a kernel that knows it. */
export function whyNoXfs(): string | undefined {
  const reason = whyNoMount();
  if (reason) return reason;
  const dir = mkdtempSync(join(tmpdir(), "slipway-xfs-"));
  try {
    execFileSync("sh", ["-ec", 'truncate -s 320M "$0/i"; mkfs.xfs -q "$0/i"; mkdir "$0/m"; mount -o loop "$0/i" "$0/m"; umount "$0/m"', dir], {
      stdio: "pipe",
    });
    return undefined;
  } catch (error) {
    return `an XFS in a file does not work: ${String((error as { stderr?: Buffer }).stderr ?? error).trim()}`;
  } finally {
    rmSync(dir, { recursive: true });
  }
}

/** Makes an XFS in a file beside the folder, mounts it there, and answers what takes it away again. */
export async function mountXfs(folder: string): Promise<() => Promise<void>> {
  const image = `${folder}.img`;
  await mkdir(folder, { recursive: true });
  await run("truncate", ["-s", "1G", image]);
  await run("mkfs.xfs", ["-q", image]);
  await run("mount", ["-o", "loop", image, folder]);
  return async () => {
    await run("umount", [folder]);
    await rm(image);
  };
}
