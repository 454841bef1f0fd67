/** Agents that are Python libraries: each in a virtual environment of its own, made by a Python that is new enough. */
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { access, mkdir, realpath, rename, rm, symlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);
const PIP = "pip==25.0.1";
const MEGABYTES_10 = 10 * 1024 * 1024;

/** What is installed for a backend. */
export interface PythonRelease {
  /** All packages, in exact versions. */
  readonly packages: readonly string[];
  /** Minor version of Python 3 that it needs at least. */
  readonly python: number;
}

/**
 * Installs it once; answers the folders for PATH: the one in which its Python is `<name>-python`, and that of the Python which this one is made of, as a sandbox
 * shows what is on PATH.
 */
export async function installPython(name: string, { packages, python }: PythonRelease, cache: string): Promise<string[]> {
  const digest = createHash("sha256").update(packages.join("\n")).digest("hex").slice(0, 12);
  const prefix = join(cache, `${name}-python-${digest}`);
  const made = async (): Promise<string[]> => [join(prefix, "bin"), dirname(await realpath(join(prefix, "venv/bin/python")))];
  if (await exists(prefix)) return await made();
  const partial = `${prefix}.partial-${process.pid}`;
  await mkdir(join(partial, "bin"), { recursive: true });
  await run(await pythonFor(python, cache), ["-m", "venv", "--without-pip", join(partial, "venv")]);
  await symlink("../venv/bin/python", join(partial, `bin/${name}-python`));
  await writeFile(join(partial, "requirements.txt"), packages.join("\n"));
  const pip = ["-m", "pip", "--python", join(partial, "venv/bin/python"), "install", "--quiet", "--no-deps", "--disable-pip-version-check"];
  await run(await recentPip(cache), [...pip, "-r", join(partial, "requirements.txt")], { maxBuffer: MEGABYTES_10 });
  try {
    await rename(partial, prefix);
  } catch (error) {
    await rm(partial, { recursive: true });
    // Somebody else was faster.
    if (!["ENOTEMPTY", "EEXIST"].includes((error as NodeJS.ErrnoException).code ?? "")) throw error;
  }
  return await made();
}

/** A Python whose pip knows the newest Pythons: that of an older system does not. */
async function recentPip(cache: string): Promise<string> {
  const prefix = join(cache, PIP.replace("==", "-"));
  const python = join(prefix, "bin/python");
  if (await exists(prefix)) return python;
  const partial = `${prefix}.partial-${process.pid}`;
  await run("python3", ["-m", "venv", partial]);
  await run(join(partial, "bin/python"), ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", PIP]);
  await rename(partial, prefix);
  return python;
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
