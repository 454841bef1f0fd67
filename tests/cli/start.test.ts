import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";

const MAIN = join(import.meta.dirname, "../../apps/cli/src/main.ts");
/** Writes the names of all packages that the process has loaded to its standard error. */
const TELL = `import { registerHooks } from "node:module";
const packages = new Set();
registerHooks({ load(url, context, next) { packages.add(/node_modules\\/((?:@[^/]+\\/)?[^/]+)/.exec(url)?.[1]); return next(url, context); } });
process.on("exit", () => console.error([...packages].join(" ")));`;

test("a command that runs no other program loads nothing that only such commands need: it would be a third of its time", async () => {
  const { stdout, stderr } = await promisify(execFile)(process.execPath, ["--import", `data:text/javascript,${encodeURIComponent(TELL)}`, MAIN, "--version"]);
  expect(stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
  const loaded = stderr.trim().split(" ");
  expect(loaded).toContain("commander");
  for (const name of ["execa", "yaml", "dockerode", "fastify", "better-sqlite3"]) expect(loaded).not.toContain(name);
});
