/** Agents that are Python libraries: each in a virtual environment of its own, made by a Python that is new enough. */
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { access, mkdir, rename, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);
const MEGABYTES_10 = 10 * 1024 * 1024;

/** What is installed for a backend. */
export interface PythonRelease {
  /** All packages, in exact versions. */
  readonly packages: readonly string[];
  /** Minor version of Python 3 that it needs at least. */
  readonly python: number;
}

/** Installs it once; answers the folder for PATH, in which its Python is `<name>-python`. */
export async function installPython(name: string, { packages, python }: PythonRelease, cache: string): Promise<string> {
  const digest = createHash("sha256").update(packages.join("\n")).digest("hex").slice(0, 12);
  const prefix = join(cache, `${name}-python-${digest}`);
  if (await exists(prefix)) return join(prefix, "bin");
  const partial = `${prefix}.partial-${process.pid}`;
  await mkdir(join(partial, "bin"), { recursive: true });
  await run(await pythonFor(python, cache), ["-m", "venv", "--without-pip", join(partial, "venv")]);
  await symlink("../venv/bin/python", join(partial, `bin/${name}-python`));
  await writeFile(join(partial, "requirements.txt"), packages.join("\n"));
  const pip = ["-m", "pip", "--python", join(partial, "venv/bin/python"), "install", "--quiet", "--no-deps", "--disable-pip-version-check"];
  await run("python3", [...pip, "-r", join(partial, "requirements.txt")], { maxBuffer: MEGABYTES_10 });
  try {
    await rename(partial, prefix);
  } catch (error) {
    await rm(partial, { recursive: true });
    // Somebody else was faster.
    if (!["ENOTEMPTY", "EEXIST"].includes((error as NodeJS.ErrnoException).code ?? "")) throw error;
  }
  return join(prefix, "bin");
}

/** The machine's own Python where it is new enough, else Debian 13's. */
async function pythonFor(minor: number, cache: string): Promise<string> {
  for (const name of ["python3", "python3.13", "python3.12"]) {
    const found = await run(name, ["-c", "import sys, venv; print(sys.version_info.minor)"]).catch(() => undefined); // not there, or not whole
    if (found && Number(found.stdout) >= minor) return name;
  }
  const { stdout } = await run(join(import.meta.dirname, "debian-python.sh"), [join(cache, "debian-python-3.13")], { maxBuffer: MEGABYTES_10 });
  return stdout.trim();
}

async function exists(path: string): Promise<boolean> {
  return await access(path).then(
    () => true,
    () => false,
  );
}
