import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { git, Playground } from "./slipway.ts";

/** The way of work that did not land, through the whole stack: made by an agent, refused by a gate, kept on the hub, taken by a person. */
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

const GATES = { ".slipway.yaml": "version: 1\ngates:\n  - name: test\n    run: test -f never\nrepairs: 0\n" };

let ground: Playground;
let half: string[];
beforeAll(async () => {
  ground = await Playground.make();
  const up = ground.start(ground.folder, "up", "--port", "0", ...(await ground.sandbox()));
  await up.says("slipway jobs");
  half = await ground.script("half", [{ write: { path: "half.txt", content: "half done\n" } }]);
});
afterAll(async () => await ground?.[Symbol.asyncDispose]());

function jobOf(stdout: string): string {
  return /slipway show (\d+)/.exec(stdout)?.[1] ?? "";
}

test("gates that fail leave the agent's work for diff, show and fetch, which says that it is not verified and still ends with 1", async () => {
  const root = await ground.repository("gates fail", GATES);
  const run = await ground.slipway(root, "run", "Write half", ...half);
  expect(run.code).toBe(1);
  expect(run.stdout).toContain("GATES_FAILED");
  const job = jobOf(run.stdout);
  const hint = `The agent's work is kept: slipway diff ${job} shows it, slipway fetch ${job} gets it`;
  expect(run.stdout).toContain(hint);
  expect((await ground.slipway(root, "diff", job)).stdout).toContain("+half done");
  const shown = (await ground.slipway(root, "show", job)).stdout;
  for (const part of [hint, /GATES_FAILED {2}kept [0-9a-f]{12}/]) expect(shown).toMatch(part);

  const fetched = await ground.slipway(root, "fetch", job);
  expect([fetched.code, fetched.stderr]).toEqual([1, ""]);
  expect(fetched.stdout.replaceAll("\n", " ")).toContain("What its agent did is not verified and did not land.");
  const branch = await git(root, "branch", "--list", "slipway/*", "--format=%(refname:short)");
  expect(branch).toMatch(/^slipway\/write-half.*-kept$/);
  expect(fetched.stdout).toContain(branch);
  expect(await git(root, "show", `${branch}:half.txt`)).toBe("half done");
  expect(await git(root, "rev-parse", `${branch}^`)).toBe(await git(root, "rev-parse", "main"));
  expect(await git(root, "status", "--porcelain")).toBe("");
  const again = JSON.parse((await ground.slipway(root, "fetch", job, "--json")).stdout);
  expect(again).toMatchObject({
    verified: false,
    result: { branch, updated: "current" },
    job: { state: "failed", resultOid: again.result.oid, landedOid: null },
  });
  expect(again.completion).toBeNull();
});

test("work for a branch of the person's own is fetched beside it, not onto it", async () => {
  const root = await ground.repository("gates fail on main", GATES);
  const before = await git(root, "rev-parse", "main");
  const job = jobOf((await ground.slipway(root, "run", "Write half", "--into", "main", ...half)).stdout);
  expect((await ground.slipway(root, "fetch", job)).code).toBe(1);
  expect(await git(root, "rev-parse", "main")).toBe(before);
  expect(await git(root, "show", `slipway/job-${job}-kept:half.txt`)).toBe("half done");
});

test("of a blocked job the work is there too, and fetch ends with 3; of one whose agent changed nothing there is none", async () => {
  const root = await ground.repository("blocked");
  const refused = await ground.script("refused", [
    { write: { path: "half.txt", content: "half done\n" } },
    { fail: { code: "BACKEND_QUOTA", message: "no more" } },
  ]);
  const run = await ground.slipway(root, "run", "Be refused", ...refused);
  expect(run.code).toBe(3);
  const fetched = await ground.slipway(root, "fetch", jobOf(run.stdout), "--into", "mine");
  expect([fetched.code, fetched.stderr]).toEqual([3, ""]);
  expect(await git(root, "show", "mine:half.txt")).toBe("half done");

  const idle = await ground.slipway(root, "run", "Fail", ...(await ground.script("idle", [{ fail: { code: "BACKEND_FAILED", message: "no" } }])));
  expect(idle.code).toBe(1);
  expect(idle.stdout).not.toContain("is kept");
  const nothing = await ground.slipway(root, "fetch", jobOf(idle.stdout));
  expect([nothing.code, nothing.stdout]).toEqual([1, expect.stringContaining("there is nothing to take")]);
  expect((await ground.slipway(root, "diff", jobOf(idle.stdout))).stderr).toMatch(/^error NOT_FOUND: .*no change to show/);
});
