import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { mountsBelow, shareFolder, unmountBelow } from "@slipway/git/bases/mounts";
import { execa } from "execa";
import { afterEach, beforeEach, expect, test } from "vitest";
import { whyNoMount } from "../support/small-disk.ts";

const reason = whyNoMount();
if (reason) console.warn(`left out: tests of mounts: ${reason}`);

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "slipway-mounts-"));
  await mkdir(join(root, "folder"));
});
afterEach(async () => {
  await unmountBelow(root);
  await rm(root, { recursive: true, force: true });
});

if (reason) test("nothing is mounted where nothing can be", async () => expect(await mountsBelow(root)).toEqual([]));

test.runIf(reason === undefined)("a folder becomes a shared mount of its own, once", async () => {
  // Whatever the machine has around it.
  await execa("mount", ["--bind", root, root]);
  await execa("mount", ["--make-private", root]);
  const folder = join(root, "folder");
  await shareFolder(folder);
  await shareFolder(folder);
  expect(await mountsBelow(folder)).toMatchObject([{ point: folder, isShared: true }]);
});

test.runIf(reason === undefined)("a folder on a shared mount is left on it: what is mounted below is seen wherever that one is", async () => {
  const [shared, peer] = [join(root, "shared"), join(root, "peer")];
  for (const path of [join(shared, "folder/below"), peer]) await mkdir(path, { recursive: true });
  await execa("mount", ["--bind", shared, shared]);
  await execa("mount", ["--make-private", shared]);
  await execa("mount", ["--make-shared", shared]);
  await execa("mount", ["--bind", shared, peer]);
  await shareFolder(join(shared, "folder"));
  expect(await mountsBelow(join(shared, "folder"))).toEqual([]);
  await execa("mount", ["-t", "tmpfs", "tmpfs", join(shared, "folder/below")]);
  expect((await mountsBelow(peer)).map(({ point }) => point)).toContain(join(peer, "folder/below"));
});
