import { existsSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { git, Playground } from "./slipway.ts";

test("run needs no server: it starts one for the time of the command, and show reads the job afterwards", { timeout: 60_000 }, async () => {
  await using ground = await Playground.make();
  const root = await ground.repository("alone");
  const greet = await ground.script("greet", [{ write: { path: "greeting.txt", content: "hello\n" } }]);
  const { code, stdout, stderr } = await ground.slipway(root, "run", "Write a greeting", ...(await ground.sandbox()), ...greet);
  expect([code, stderr.replaceAll("\n", " ").replace(/^warning: sandbox: none.*/, "")]).toEqual([0, ""]);
  expect(stdout).toContain("landed");
  expect(existsSync(join(ground.data, "server.json"))).toBe(false);
  expect(await git(root, "branch", "--list", "slipway/*")).not.toBe("");
  const shown = await ground.slipway(root, "show", "1");
  expect(shown.code).toBe(0);
  expect(shown.stdout).toContain("done");
  expect(existsSync(join(ground.data, "server.json"))).toBe(false);
});
