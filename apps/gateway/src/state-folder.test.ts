import { mkdtemp, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { openStateFolder } from "./state-folder.ts";

let data: string;

beforeEach(async () => {
  data = await mkdtemp(join(tmpdir(), "slipway-state-"));
});
afterEach(() => rm(data, { recursive: true }));

test("the identity survives a restart, for its owner only", async () => {
  const first = await openStateFolder(data);
  await expect(openStateFolder(data)).rejects.toMatchObject({ code: "DATA_FOLDER_IN_USE" });
  first[Symbol.dispose]();
  using second = await openStateFolder(data);
  expect(second.gatewayId).toBe(first.gatewayId);
  expect((await stat(join(data, "gateway"))).mode & 0o777).toBe(0o700);
});

test("a damaged identity gives a new one", async () => {
  const first = await openStateFolder(data);
  await writeFile(join(data, "gateway/identity.json"), '{"gatewayId":');
  first[Symbol.dispose]();
  using second = await openStateFolder(data);
  expect(second.gatewayId).not.toBe(first.gatewayId);
});
