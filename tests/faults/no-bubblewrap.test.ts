import { existsSync } from "node:fs";
import { mkdir, readdir, symlink } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { git, Playground } from "../cli/slipway.ts";

/** A machine without bubblewrap: the demo says so and runs its script without a sandbox; a run of a user's own refuses, unless `none` is asked for. */

let ground: Playground;
let root: string;
let greet: string[];
beforeAll(async () => {
  ground = await Playground.make();
  vi.stubEnv("PATH", await pathWithout("bwrap", join(ground.folder, "bin")));
  root = await ground.repository("sample");
  greet = await ground.script("greet", [{ write: { path: "greeting.txt", content: "hello\n" } }]);
});
afterAll(async () => {
  vi.unstubAllEnvs();
  await ground[Symbol.asyncDispose]();
});

/** PATH with everything but one program: each folder that has it is replaced by one of links to all others. */
async function pathWithout(program: string, scratch: string): Promise<string> {
  const folders = (process.env["PATH"] ?? "").split(delimiter).filter((folder) => existsSync(folder));
  return (await Promise.all(folders.map((folder, index) => (existsSync(join(folder, program)) ? linksTo(folder, join(scratch, String(index))) : folder)))).join(
    delimiter,
  );

  async function linksTo(folder: string, links: string): Promise<string> {
    await mkdir(links, { recursive: true });
    for (const name of await readdir(folder)) if (name !== program) await symlink(join(folder, name), join(links, name));
    return links;
  }
}

test("doctor says that bubblewrap is not there, and how to get it", async () => {
  const { stdout } = await ground.slipway(ground.folder, "doctor", "--json");
  const found = (JSON.parse(stdout).checks as Array<{ name: string; ok: boolean }>).find(({ name }) => name === "bubblewrap");
  expect(found).toMatchObject({ ok: false });
  expect(JSON.stringify(found)).toContain("apt install bubblewrap");
});

test.each([
  ["run", "Write a greeting"],
  ["up", "--port", "0"],
])("%s refuses with SANDBOX_UNAVAILABLE, says what to do, and starts nothing", async (...args) => {
  const { code, stdout, stderr } = await ground.slipway(root, ...args, ...(args[0] === "run" ? greet : []));
  expect(code).toBe(5);
  expect(stdout).toBe("");
  expect(stderr).toMatch(/^error SANDBOX_UNAVAILABLE: .*bwrap is not in the PATH/);
  expect(stderr).toContain("apt install bubblewrap");
  expect(stderr).toContain("--sandbox none");
  expect(existsSync(join(ground.data, "server.json"))).toBe(false);
  expect(await git(root, "branch", "--list", "slipway/*")).toBe("");
});

test("run --sandbox none says that there is no isolation, and lands", async () => {
  const { code, stderr, stdout } = await ground.slipway(root, "run", "Write a greeting", "--sandbox", "none", ...greet);
  expect([code, stderr], stdout).toEqual([0, expect.stringContaining("sandbox: none")]);
  expect(await git(root, "branch", "--list", "slipway/*")).not.toBe("");
}, 60_000);

test("the demo says that it runs without a sandbox, and ends as it should", async () => {
  const { code, stdout, stderr } = await ground.slipway(ground.folder, "demo", "--folder", join(ground.folder, "demo"));
  expect(code, stdout + stderr).toBe(0);
  expect(stderr.replace(/\s+/g, " ")).toMatch(/No bubblewrap here \(bwrap is not in the PATH\).* sandbox: none/);
  expect(stdout).toMatch(/Add multiply +landed/);
  expect(stdout).toMatch(/Make CI green +refused with SCOPE_VIOLATION/);
}, 60_000);
