import { join } from "node:path";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { Playground } from "./slipway.ts";

vi.setConfig({ testTimeout: 120_000, hookTimeout: 60_000 });

let ground: Playground;
let root: string;
beforeAll(async () => {
  ground = await Playground.make();
  const up = ground.start(ground.folder, "up", "--port", "0", "--sandbox", "none");
  await up.says("slipway jobs");
  root = await ground.repository("ship", { "a.txt": "a\n" });
});
afterAll(async () => await ground[Symbol.asyncDispose]());

test("a branch is frozen with a reason, shown with it, and resumed", async () => {
  const script = await ground.script("first", [{ write: { path: "b.txt", content: "b\n" } }]);
  const slipway = async (...args: string[]): Promise<string> => {
    const { code, stdout, stderr } = await ground.slipway(root, ...args);
    expect(code, stderr + stdout).toBe(0);
    return stdout.replace(/\s+/g, " ");
  };
  await slipway("run", "Write it", ...script);
  const { repositories } = JSON.parse(await slipway("repos", "--json"));
  const name: string = repositories[0].name;
  const { jobs } = JSON.parse(await slipway("jobs", "--json"));
  const target: string = jobs[0].target;
  expect(await slipway("train", "show", name)).toContain("Nothing is on its way to a branch.");
  expect(await slipway("train", "freeze", name, "--target", target, "--reason", "release day")).toContain(`${target} is frozen by`);
  expect(await slipway("train", "show", name)).toContain(": release day");
  expect(await slipway("repos", "show", name)).toContain(": release day");
  expect(JSON.parse(await slipway("train", "show", name, "--json"))).toMatchObject({ trains: [{ target, frozen: { code: "TRAIN_FROZEN" }, cars: [] }] });
  expect(await slipway("train", "resume", name)).toContain(`changes land again on ${target}`);
  expect(await slipway("train", "resume", name)).toContain("nothing was frozen");
});

test("`show` names the gates that were red on the merged tree at first, and green when run again", async () => {
  // Of its runs the second is red, which is the first on the merged tree.
  const count = join(ground.folder, "runs");
  const run = `n=$(cat ${count} 2>/dev/null || echo 0); echo $((n + 1)) >${count}; test $n -ne 1`;
  const other = await ground.repository("boat", { "a.txt": "a\n", ".slipway.yaml": `gates:\n  - name: count\n    run: ${JSON.stringify(run)}\n` });
  const script = await ground.script("second", [{ write: { path: "b.txt", content: "b\n" } }]);
  const { code, stdout, stderr } = await ground.slipway(other, "run", "Write it", ...script);
  expect(code, stderr + stdout).toBe(0);
  const { jobs } = JSON.parse((await ground.slipway(other, "jobs", "--json")).stdout);
  const shown = (await ground.slipway(other, "show", String(jobs[0].number))).stdout.replace(/\s+/g, " ");
  expect(shown).toContain("flaky count: red on the merged tree at first, green when run again");
});
