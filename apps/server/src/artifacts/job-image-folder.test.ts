import { createHash } from "node:crypto";
import { mkdtemp, readdir, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { JobImage } from "@slipway/protocol/job-images";
import { afterEach, beforeEach, expect, test } from "vitest";
import { JobImageFolder } from "./job-image-folder.ts";

let root: string;
let folder: JobImageFolder;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "slipway-images-"));
  folder = new JobImageFolder(root);
});
afterEach(async () => await rm(root, { recursive: true }));

function image(text: string): { image: JobImage; contents: Map<string, Buffer> } {
  const bytes = Buffer.from(text);
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  return { image: { name: `${text}.png`, type: "image/png", bytes: bytes.length, sha256 }, contents: new Map([[sha256, bytes]]) };
}

const never = new AbortController().signal;
const nothing = async (): Promise<string[]> => [];
const work = async (): Promise<string> => "done";

test("an image is kept once, for its owner alone, and given back", async () => {
  const { image: one, contents } = image("one");
  expect(await folder.keep([one, one], contents, work)).toBe("done");
  const [name = ""] = await readdir(root);
  const before = await stat(join(root, name));
  expect([name, before.mode & 0o777]).toEqual([one.sha256, 0o600]);
  await folder.keep([one], contents, work);
  expect((await stat(join(root, name))).mtimeMs).toBe(before.mtimeMs);
  expect((await folder.read(one)).toString()).toBe("one");
});

test("one that was cut short by a killed machine is written again", async () => {
  const { image: one, contents } = image("one");
  await writeFile(join(root, one.sha256), "o");
  await folder.keep([one], contents, work);
  expect((await folder.read(one)).toString()).toBe("one");
});

test("what is neither kept nor sent is JOB_IMAGE_MISSING, and nothing names it", async () => {
  const { image: one } = image("one");
  let named = false;
  const naming = folder.keep([one], new Map(), async () => {
    named = true;
  });
  await expect(naming).rejects.toMatchObject({ code: "JOB_IMAGE_MISSING", details: { image: "one.png" } });
  expect(named).toBe(false);
  await expect(folder.read(one)).rejects.toMatchObject({ code: "JOB_IMAGE_MISSING" });
});

test("what no job has is removed, with what a killed server left half-written", async () => {
  const [used, unused] = [image("used"), image("unused")];
  for (const { image: kept, contents } of [used, unused]) await folder.keep([kept], contents, work);
  await writeFile(join(root, `${used.image.sha256}.0197a000-0000-7000-8000-000000000001.new`), "us");
  expect(await folder.removeUnused(async () => [used.image.sha256], never)).toBe(2);
  expect(await readdir(root)).toEqual([used.image.sha256]);
  expect(await folder.removeUnused(nothing, AbortSignal.abort())).toBe(0);
});

test("one that a submission is about to name, or has named since the store was asked, stays", async () => {
  const { image: one, contents } = image("one");
  await folder.keep([one], contents, work);
  // Under way while the store is asked, and not over before the removal.
  const removedMeanwhile = await folder.keep([one], contents, async () => await folder.removeUnused(nothing, never));
  expect(removedMeanwhile).toBe(0);
  // Begins and ends between the store's answer and the removal.
  const asked = async (): Promise<string[]> => {
    await folder.keep([one], new Map(), work);
    return [];
  };
  expect(await folder.removeUnused(asked, never)).toBe(0);
  expect(await folder.removeUnused(nothing, never)).toBe(1);
});
