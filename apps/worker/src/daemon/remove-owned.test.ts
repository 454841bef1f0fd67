import { mkdir, mkdtemp, readdir, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { removeOwned } from "./remove-owned.ts";

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "slipway-owned-"));
  for (const folder of ["owner/mine", "owner-not", "other"]) {
    await mkdir(join(root, folder), { recursive: true });
    await writeFile(join(root, folder, "file"), "kept");
  }
});
afterEach(async () => {
  await rm(root, { recursive: true, force: true });
});

const ALL = ["other", "other/file", "owner", "owner-not", "owner-not/file", "owner/mine", "owner/mine/file"];

async function names(): Promise<string[]> {
  return (await readdir(root, { recursive: true })).toSorted();
}

test.each([
  ["the owner itself", "owner"],
  ["the owner itself, with a slash", "owner/"],
  ["the owner itself, as a dot in it", "owner/."],
  ["a folder beside it", "other"],
  ["a folder whose name begins like the owner's", "owner-not"],
  ["what is above it", ""],
  ["a way out", "owner/../other"],
  ["a way out that comes back", "owner/../owner/mine"],
  ["a way out of a folder of its own", "owner/mine/../../other"],
])("%s is not removed", async (_, path) => {
  const full = `${root}/${path}`;
  await expect(removeOwned(full, join(root, "owner"))).rejects.toMatchObject({ code: "INTERNAL", message: expect.stringContaining(full) });
  expect(await names()).toEqual(ALL);
});

test("a folder of its own is removed, and a link in it is not followed; a second time is no error", async () => {
  await symlink(join(root, "other"), join(root, "owner/mine/link"));
  for (let time = 0; time < 2; time += 1) {
    await removeOwned(join(root, "owner/mine"), join(root, "owner"));
    expect(await names()).toEqual(ALL.filter((name) => !name.startsWith("owner/mine")));
  }
});
