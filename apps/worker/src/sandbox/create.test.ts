import { chmod, mkdir, mkdtemp, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { createSandboxProvider } from "./create.ts";

const root = await mkdtemp(join(tmpdir(), "slipway-create-"));
afterAll(() => rm(root, { recursive: true, force: true }));

test("a runtime folder that others can write to, or that is a link to one, is refused", async () => {
  const own = join(root, "own");
  const shared = join(root, "shared");
  const link = join(root, "link");
  await mkdir(shared);
  await chmod(shared, 0o777);
  await symlink(root, link);
  const create = (runtimeFolder: string) => createSandboxProvider("none", { runtimeFolder, installRoot: root, maskPaths: [] });
  expect(create(own).kind).toBe("none");
  expect(create(own).kind).toBe("none");
  for (const folder of [shared, link]) expect(() => create(folder)).toThrow(expect.objectContaining({ code: "SANDBOX_UNAVAILABLE" }));
});
