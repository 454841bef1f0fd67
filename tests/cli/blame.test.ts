import { appendFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { git, Playground } from "./slipway.ts";

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

let ground: Playground;
let root: string;
beforeAll(async () => {
  ground = await Playground.make();
  root = await ground.repository("blamed", { "src/a.txt": "first\nsecond\n", "with:colon.txt": "x\n" });
  const steps = await ground.script("write", [{ write: { path: "src/a.txt", content: "first\nfrom the job\nand this\n" } }]);
  const run = await ground.slipway(root, "run", "Mend the second line\n\nAll of it.", ...steps, "--into", "main", ...(await ground.sandbox()));
  expect([run.code, run.stderr]).toEqual([0, expect.anything()]);
});
afterAll(async () => await ground[Symbol.asyncDispose]());

test("a line of a job is told with the job, its task, its backend, its receipts and who asked for it", async () => {
  const { code, stdout, stderr } = await ground.slipway(root, "blame", "src/a.txt:2");
  expect([code, stderr]).toEqual([0, ""]);
  expect(stdout).toMatch(/^src\/a\.txt:2 {2}job 1 · Mend the second line$/m);
  for (const field of [
    /task +Mend the second line/,
    /backend +script, attempt 1/,
    /commit +[0-9a-f]{12} Mend/,
    /submitted +\S/,
    /landed +20/,
    /receipts +test passed in/,
  ])
    expect(stdout).toMatch(field);
  expect(stdout).toContain("More: slipway show 1");
  const { lines } = JSON.parse((await ground.slipway(root, "blame", "src/a.txt:1-3", "--json")).stdout);
  expect(lines).toEqual([
    expect.objectContaining({ from: 1, to: 1, jobs: [] }),
    expect.objectContaining({
      from: 2,
      to: 3,
      jobs: [expect.objectContaining({ number: 1, known: true, backend: "script", receipts: [expect.objectContaining({ gate: "test", exitCode: 0 })] })],
    }),
  ]);
});

test("without a server the commit's trailers are told, and that it is so", async () => {
  const offline = await ground.slipway(root, "blame", "src/a.txt:2", "--offline");
  expect([offline.code, offline.stderr]).toEqual([0, ""]);
  expect(offline.stdout).toMatch(/^src\/a\.txt:2 {2}job [0-9a-f]{8}-[0-9a-f-]{27}$/m);
  expect(offline.stdout).toMatch(/backend +script, attempt 1/);
  const away = await ground.with({ SLIPWAY_DATA: join(ground.folder, "nothing-here") }).slipway(root, "blame", "src/a.txt:2");
  expect(away.code).toBe(0);
  expect(away.stderr).toContain("all that is known");
  expect(away.stdout).toMatch(/backend +script, attempt 1/);
});

test("what no job wrote, what is not committed, a renamed file and a name with a colon", async () => {
  expect((await ground.slipway(root, "blame", "src/a.txt:1")).stdout).toMatch(/^src\/a\.txt:1 {2}not by a job: commit [0-9a-f]{12} first \(\w+, /);
  expect((await ground.slipway(root, "blame", "with:colon.txt:1")).stdout).toContain("with:colon.txt:1  not by a job");
  await appendFile(join(root, "src/a.txt"), "only here\n");
  expect((await ground.slipway(root, "blame", "src/a.txt:4")).stdout).toBe("src/a.txt:4  not committed yet");
  await git(root, "checkout", "--quiet", "--", "src/a.txt");
  await rename(join(root, "src/a.txt"), join(root, "src/b.txt"));
  await git(root, "add", "--all");
  await git(root, "commit", "--quiet", "--message", "Rename");
  expect((await ground.slipway(join(root, "src"), "blame", "b.txt:2", "--offline")).stdout).toMatch(/^b\.txt:2 {2}job [0-9a-f-]{36}$/m);
});

test("a squash that holds several jobs names them all", async () => {
  const [one, two] = ["0198c0de-0000-7000-8000-000000000001", "0198c0de-0000-7000-8000-000000000002"];
  await writeFile(join(root, "squashed.txt"), "s\n");
  await git(root, "add", "--all");
  await git(root, "commit", "--quiet", "--message", `Both\n\n* One\n\nSlipway-Job: ${one}\nSlipway-Backend: codex\n\n* Two\n\nSlipway-Job: ${two}\n`);
  const { lines } = JSON.parse((await ground.slipway(root, "blame", "squashed.txt:1", "--json")).stdout);
  expect(lines[0].jobs).toEqual([
    expect.objectContaining({ id: one, backend: "codex", known: false, number: null }),
    expect.objectContaining({ id: two, backend: null, known: false }),
  ]);
});

test.each([
  ["src", "names no lines"],
  ["src/b.txt:0", "names no lines"],
  ["src/b.txt:3-2", "names no lines"],
  ["src/nothing.txt:1", "is not there"],
  ["src:1", "is no file"],
  ["src/b.txt:9", "has only 3 lines"],
])("%s ends with 2: %s", async (place, words) => {
  const { code, stdout, stderr } = await ground.slipway(root, "blame", place);
  expect([code, stdout]).toEqual([2, ""]);
  expect(stderr).toContain(words);
});

test("outside of a checkout, and a file that git does not follow", async () => {
  expect(await ground.slipway(ground.folder, "blame", "a:1")).toMatchObject({ code: 2, stderr: expect.stringContaining("in no checkout") });
  await writeFile(join(root, "new.txt"), "n\n");
  expect(await ground.slipway(root, "blame", "new.txt:1")).toMatchObject({ code: 2, stderr: expect.stringContaining("does not follow new.txt") });
});
