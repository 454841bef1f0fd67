/**
 * Installs the agents of `releases.ts` from the npm registry and from PyPI, each release into a folder of its own, and prints the PATH to find them by.
 * What is there already is left as it is: `PATH=$(node tests/agents/install.ts FOLDER):$PATH`.
 */
import { execFile } from "node:child_process";
import { mkdir, readdir, rename, rm } from "node:fs/promises";
import { delimiter, dirname, join, resolve } from "node:path";
import { promisify } from "node:util";
import { installPython } from "./python-agents.ts";
import { AGENTS, PYTHON_AGENTS } from "./releases.ts";

const run = promisify(execFile);

const [folder] = process.argv.slice(2);
if (folder === undefined) {
  process.stderr.write("usage: node tests/agents/install.ts FOLDER\n");
  process.exit(2);
}
const paths: string[] = [];
for (const name of Object.values(AGENTS)) paths.push(join(await install(name, resolve(folder)), "bin"));
for (const [name, release] of Object.entries(PYTHON_AGENTS)) paths.push(await installPython(name, release, resolve(folder)));
process.stdout.write(`${paths.join(delimiter)}\n`);

/** The prefix that holds the package. It appears whole or not at all, so that a broken download is no installation. */
async function install(packageName: string, cache: string): Promise<string> {
  const name = packageName.replaceAll("/", "+");
  const prefix = join(cache, name);
  await mkdir(cache, { recursive: true });
  if ((await readdir(cache)).includes(name)) return prefix;
  const partial = `${prefix}.partial-${process.pid}`;
  // By the Node that runs this: npm passes over releases that want a newer one than its own.
  const env = { ...process.env, PATH: [dirname(process.execPath), process.env["PATH"]].join(delimiter) };
  await run("npm", ["install", "--global", "--ignore-scripts", "--no-audit", "--no-fund", "--prefix", partial, packageName], { env });
  try {
    await rename(partial, prefix);
  } catch (error) {
    await rm(partial, { recursive: true });
    // Somebody else was faster.
    if (!["ENOTEMPTY", "EEXIST"].includes((error as NodeJS.ErrnoException).code ?? "")) throw error;
  }
  return prefix;
}
