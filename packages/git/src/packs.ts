import { chmod, mkdir, mkdtemp, open, rename, rm } from "node:fs/promises";
import { basename, join } from "node:path";
import { SlipwayError } from "@slipway/protocol/errors";
import { alternatesVariable } from "./bare-store.ts";
import { gitText, runGit } from "./exec.ts";

/** Packs with fewer objects become single files, or a store would end up with thousands of packs; the number is git's own `receive.unpackLimit`. */
const UNPACK_BELOW_OBJECTS = 100;

/**
 * Copies what `oid` reaches, and the commits `known` do not, from one bare store to another. BASE_NOT_FOUND where `from` lacks any of it.
 */
export async function copyObjects(copy: { from: string; to: string; oid: string; known: readonly string[] }): Promise<void> {
  const folder = await mkdtemp(join(copy.to, "incoming-"));
  try {
    await adoptPack(await writePack({ ...copy, folder }), copy.to);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/**
 * Writes what `oid` reaches and `known` do not as a self-contained pack into `folder`; answers its path without the suffix. Where that is on another file
 * system than `from`, `objects` is an object folder beside it: git writes there first, and renames. BASE_NOT_FOUND.
 */
export async function writePack(pack: { from: string; oid: string; known: readonly string[]; folder: string; objects?: string }): Promise<string> {
  const env =
    pack.objects === undefined ? {} : { GIT_OBJECT_DIRECTORY: pack.objects, GIT_ALTERNATE_OBJECT_DIRECTORIES: alternatesVariable(join(pack.from, "objects")) };
  const input = [pack.oid, "--not", ...pack.known].map((line) => `${line}\n`).join("");
  const hash = await gitText(["pack-objects", "--revs", "--quiet", join(pack.folder, "pack")], { gitDir: pack.from, input, env, failure: "BASE_NOT_FOUND" });
  return join(pack.folder, `pack-${hash}`);
}

/** Takes a checked pack, with its index beside it, into a store on the same file system. */
export async function adoptPack(path: string, gitDir: string): Promise<void> {
  const file = await open(`${path}.pack`);
  try {
    if ((await packHeader(file)).objects < UNPACK_BELOW_OBJECTS) {
      await runGit(["unpack-objects", "-q"], { gitDir, inputFd: file.fd });
      return;
    }
  } finally {
    await file.close();
  }
  const target = join(gitDir, "objects/pack", basename(path));
  // As git leaves what it writes there itself, where the store is shown; who may reach it is the folders' to say.
  for (const end of ["pack", "idx"]) await chmod(`${path}.${end}`, 0o444);
  // The index last: git finds a pack by its index.
  await rename(`${path}.pack`, `${target}.pack`);
  await rename(`${path}.idx`, `${target}.idx`);
}

/** Takes one object that is a file of its own from one folder of objects into a store on the same file system. */
export async function adoptObject(objects: string, oid: string, gitDir: string): Promise<void> {
  const [folder, name] = [oid.slice(0, 2), oid.slice(2)];
  await mkdir(join(gitDir, "objects", folder), { recursive: true });
  await rename(join(objects, folder, name), join(gitDir, "objects", folder, name));
}

/** The number of objects that a pack says it has (gitformat-pack(5)), without moving the file's position. COMMIT_INVALID where it is no pack. */
export async function packHeader(file: { read(options: { buffer: Buffer; position: number }): Promise<{ bytesRead: number }> }): Promise<{ objects: number }> {
  const buffer = Buffer.alloc(12);
  const { bytesRead } = await file.read({ buffer, position: 0 });
  if (bytesRead < 12 || buffer.toString("latin1", 0, 4) !== "PACK" || buffer.readUInt32BE(4) !== 2)
    throw new SlipwayError("COMMIT_INVALID", "The pack is no pack.");
  return { objects: buffer.readUInt32BE(8) };
}
