import { mkdtemp, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { newId } from "@slipway/protocol/scalars";
import { afterEach, beforeEach, expect, test } from "vitest";
import { openStateFolder } from "./state-folder.ts";

let data: string;

beforeEach(async () => {
  data = await mkdtemp(join(tmpdir(), "slipway-state-"));
});
afterEach(() => rm(data, { recursive: true }));

test("identity and open claims survive a restart", async () => {
  const first = await openStateFolder(data);
  const [one, two] = [await first.beginClaim(), await first.beginClaim()];
  first[Symbol.dispose]();
  using second = await openStateFolder(data);
  expect(second.integratorId).toBe(first.integratorId);
  expect(await second.openClaims()).toEqual([one, two]);
  await second.endClaim(one);
  expect(await second.openClaims()).toEqual([two]);
});

test("a damaged identity gives a new one", async () => {
  const first = await openStateFolder(data);
  await writeFile(join(data, "integrator/identity.json"), '{"integratorId":');
  first[Symbol.dispose]();
  using second = await openStateFolder(data);
  expect(second.integratorId).not.toBe(first.integratorId);
});

test("everything is for its owner only, and a repository's id cannot lead elsewhere", async () => {
  using state = await openStateFolder(data);
  expect((await stat(await state.repositoryFolder(newId()))).mode & 0o777).toBe(0o700);
  expect((await stat(join(data, "integrator"))).mode & 0o777).toBe(0o700);
  await expect(state.repositoryFolder("../../x")).rejects.toThrow();
});
