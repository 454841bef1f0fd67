import { existsSync } from "node:fs";
import { mkdir, rename, rm, statfs } from "node:fs/promises";
import { join } from "node:path";
import { SlipwayError } from "@slipway/protocol/errors";
import { withLock } from "../lock.ts";
import { runSystem } from "./system.ts";

/** A disk of a workspace's own: what it may take at the most, in bytes, and the folder with the empty disks that are copied for it. */
export interface LayerDisk {
  readonly bytes: number;
  readonly templates: string;
}

/** How full a workspace's disk is, in bytes. */
export interface DiskRoom {
  readonly limitBytes: number;
  readonly usedBytes: number;
  /** Whether a write may have failed for it. */
  readonly isFull: boolean;
}

/** Less than ext4 needs for itself. */
const LEAST_BYTES = 16 * 1024 ** 2;
const NEARLY_FULL_BYTES = 256 * 1024;

/** Copies an empty file system, which is mostly holes, and mounts it. WORKSPACE_FAILED where the system refuses. */
export async function mountDisk(disk: LayerDisk, image: string, at: string): Promise<void> {
  const template = await withLock(`template ${disk.templates}`, () => makeTemplate(disk));
  await runSystem("cp", ["--sparse=always", "--reflink=auto", "--", template, image]);
  await mkdir(at, { mode: 0o700 });
  await runSystem("mount", ["-o", "loop,nosuid,nodev,noatime", image, at]);
}

/** Of a disk that is mounted there. */
export async function roomOf(at: string): Promise<DiskRoom> {
  const { blocks, bavail, bsize, files, ffree } = await statfs(at);
  return { limitBytes: blocks * bsize, usedBytes: (blocks - bavail) * bsize, isFull: bavail * bsize < NEARLY_FULL_BYTES || (files > 0 && ffree === 0) };
}

/** Formatted once: without a journal, as no workspace outlives a power cut. */
async function makeTemplate({ bytes, templates }: LayerDisk): Promise<string> {
  if (bytes < LEAST_BYTES) throw new SlipwayError("INVALID_CONFIG", `A workspace cannot be limited to ${bytes} bytes; the least is ${LEAST_BYTES}.`);
  const template = join(templates, `${bytes}.ext4`);
  if (existsSync(template)) return template;
  await mkdir(templates, { recursive: true, mode: 0o700 });
  const making = `${template}.making`;
  await rm(making, { force: true });
  await runSystem("truncate", ["-s", String(bytes), making]);
  await runSystem("mkfs.ext4", ["-q", "-F", "-m", "0", "-O", "^has_journal", "-E", "lazy_itable_init=1,nodiscard", making]);
  await rename(making, template);
  return template;
}
