import { chmod, mkdir, mkdtemp, rm, stat, symlink, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { prepareSocketPlace } from "./socket-place.ts";

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "slipway-socket-"));
});
afterEach(() => rm(folder, { recursive: true }));

test("a missing folder is made for its owner alone", async () => {
  prepareSocketPlace(join(folder, "run/gateway.sock"));
  expect((await stat(join(folder, "run"))).mode & 0o777).toBe(0o700);
});

test("an old socket goes", async () => {
  const path = join(folder, "gateway.sock");
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(path, resolve));
  prepareSocketPlace(path);
  await expect(stat(path)).rejects.toMatchObject({ code: "ENOENT" });
  await new Promise((resolve) => server.close(resolve));
});

test.each<[string, () => Promise<string>, string]>([
  ["a file", async () => writeFile(join(folder, "s"), "").then(() => join(folder, "s")), "an old socket"],
  [
    "a folder for all",
    async () =>
      mkdir(join(folder, "d"))
        .then(() => chmod(join(folder, "d"), 0o777))
        .then(() => join(folder, "d/s")),
    "found mode 777",
  ],
  ["a link to a folder", async () => symlink("/tmp", join(folder, "l")).then(() => join(folder, "l/s")), "expected a folder"],
])("%s in the way is refused and stays", async (_, make, message) => {
  const path = await make();
  expect(() => prepareSocketPlace(path)).toThrow(expect.objectContaining({ code: "INVALID_REQUEST", message: expect.stringContaining(message) }));
});
