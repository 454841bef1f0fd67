import { expect, test, vi } from "vitest";
import { git, Playground } from "./slipway.ts";

vi.setConfig({ testTimeout: 120_000, hookTimeout: 60_000 });

test("a message reaches an agent in a sandbox, in the first job and in one that has a sandbox that was started ahead", async () => {
  await using ground = await Playground.make();
  const up = ground.start(ground.folder, "up", "--port", "0", ...(await ground.sandbox()));
  await up.says("slipway jobs");
  const root = await ground.repository("ship");
  const script = await ground.script("steered", [{ waitForMessage: true }, { write: { path: "hull.txt", content: "{{message}}\n" } }]);
  for (const [index, colour] of ["Red", "Blue"].entries()) {
    const run = ground.start(root, "run", "Paint the hull", "--into", colour.toLowerCase(), ...script);
    await run.says("waitForMessage");
    expect((await ground.slipway(root, "steer", String(index * 2 + 1), colour)).stderr).toBe("");
    const { code, stdout } = await run.end();
    expect(code, stdout).toBe(0);
    expect(await git(root, "show", `${colour.toLowerCase()}:hull.txt`)).toBe(colour);
  }
});
