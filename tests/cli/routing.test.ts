import { join } from "node:path";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { Playground } from "./slipway.ts";

vi.setConfig({ testTimeout: 120_000, hookTimeout: 60_000 });

let ground: Playground;
let root: string;
beforeAll(async () => {
  ground = await Playground.make();
  const up = ground.with({ SLIPWAY_CIRCUIT_FAULTS: "1", SLIPWAY_CIRCUIT_COOL_DOWN: "3600" }).start(ground.folder, "up", "--port", "0", "--sandbox", "none");
  await up.says("slipway jobs");
  root = await ground.repository("ship");
});
afterAll(async () => await ground[Symbol.asyncDispose]());

test("a fallback goes on, `explain` says why, and a backend that is paused is shown until it is reset", async () => {
  const failing = await ground.script("failing", [
    { write: { path: "hull.txt", content: "half\n" } },
    { fail: { code: "CONTEXT_TOO_LONG", message: "Too long." } },
  ]);
  await ground.script("good", [{ shell: "grep -q half hull.txt" }, { write: { path: "mast.txt", content: "up\n" } }]);
  const good = `script,script=@${join(ground.folder, "good.yaml")}`;
  const run = await ground.slipway(root, "run", "Rig the ship", ...failing, "--fallback", good);
  expect(run.code, run.stderr + run.stdout).toBe(0);
  const said = run.stdout.replace(/\s+/g, " ");
  expect(said).toContain("queued CONTEXT_TOO_LONG: Too long. Its fallback takes over.");
  expect(said).toContain("backend script takes over from script: the next of its route, as script ended with CONTEXT_TOO_LONG");
  const explained = await ground.slipway(root, "explain", "1");
  expect(explained.stdout).toMatch(/^ {2}backend {3}script: the next of its route, as script ended with CONTEXT_TOO_LONG$/m);
  expect(explained.stdout).toMatch(/^ {2}backend {3}not script: ended with CONTEXT_TOO_LONG$/m);

  const quota = await ground.script("quota", [{ fail: { code: "BACKEND_QUOTA", message: "No quota." } }]);
  expect((await ground.slipway(root, "run", "Paint it", ...quota)).code).not.toBe(0);
  const submitted = await ground.slipway(root, "submit", "Paint it again", ...quota);
  expect(submitted.code, submitted.stderr).toBe(0);
  const { jobs } = JSON.parse((await ground.slipway(root, "jobs", "--json")).stdout);
  const waiting = await ground.slipway(root, "explain", String(jobs[0].number));
  expect(waiting.stdout.replace(/\s+/g, " ")).toMatch(/reason The backend script gets no jobs: it failed \(BACKEND_QUOTA\); nothing is tried before \S+Z\./);
  const listed = await ground.slipway(root, "backends");
  expect(listed.stdout.replace(/\s+/g, " ")).toMatch(
    /script: paused on the worker .*: it failed, the last time with BACKEND_QUOTA: No quota\..* slipway backends reset script/,
  );
  const reset = await ground.slipway(root, "backends", "reset", "script");
  expect([reset.code, reset.stdout.trim()]).toEqual([0, "script gets jobs again (1 place)"]);
  const audit = JSON.parse((await ground.slipway(root, "audit", "--action", "resetBackend", "--json")).stdout);
  expect(audit.entries).toMatchObject([{ action: "resetBackend", object: { kind: "backend", name: "script" }, outcome: "ok" }]);
});

test("what nothing here can do is refused, with what each backend lacks", async () => {
  const refused = await ground.slipway(root, "run", "Look at it", "--backend", "script", "--needs", "mcp");
  expect(refused.code).toBe(2);
  expect(refused.stderr).toContain("needs: the backend script has no mcp");
  const unknown = await ground.slipway(root, "run", "Look at it", "--needs", "image");
  expect([unknown.code, unknown.stderr]).toEqual([2, expect.stringContaining('There is no capability "image"; did you mean images?')]);
  const nobody = await ground.slipway(root, "run", "Look at it", "--backend", "codex", "--fallback", "codx");
  expect(nobody.stderr).toContain("Did you mean codex?");
});
