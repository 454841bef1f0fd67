import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, readdir, readlink, rename, rm, symlink } from "node:fs/promises";
import { join } from "node:path";
import { agentsFolder } from "@slipway/process/agents-folder";
import { SlipwayError } from "@slipway/protocol/errors";
import type { Manifest } from "@slipway/protocol/manifest";
import { installFromNpm, installFromPypi } from "./install-packages.ts";

/** What to type, in the words that probes of backends have it. */
export function installCommand(name: string): string {
  return `slipway backends install ${name}`;
}

/** An agent that is there now, for the workers of this data folder. */
export interface InstalledAgent {
  /** Packages with their versions. */
  readonly packages: readonly string[];
  readonly folder: string;
  /** Names under which its programs are on the agents' PATH. */
  readonly programs: readonly string[];
  /** It had been there before. */
  readonly wasThere: boolean;
}

/**
 * Installs the agent of a backend, in the release that its manifest pins, into a folder of its own below the data folder: from npm, or from PyPI with its
 * Python then found as `<backend>-python`; `python`: by this one, and not by the newest of the machine. AGENT_INSTALL_FAILED, with the installer's last lines; INVALID_REQUEST where no registry has it.
 */
export async function installAgent(data: string, { name, image }: Pick<Manifest, "name" | "image">, python?: string): Promise<InstalledAgent> {
  const { npm, pip = [] } = image;
  if (npm.length + pip.length === 0) {
    const hint = "`slipway backends` says how it is got by hand.";
    throw new SlipwayError("INVALID_REQUEST", `No registry has the agent of the backend ${name}.`, { field: "name", value: name, hint });
  }
  const folder = join(agentsFolder(data), npm.length > 0 ? npmFolder(npm) : pythonFolder(name, pip));
  const wasThere = existsSync(folder);
  if (!wasThere) await wholeOrNotAtAll(folder, (partial) => (npm.length > 0 ? installFromNpm(npm, partial) : installFromPypi(name, pip, partial, python)));
  return { packages: npm.length > 0 ? npm : pip, folder, programs: await linkPrograms(data, folder), wasThere };
}

/** Such as `@openai+codex@0.169.0`. */
function npmFolder(packages: readonly string[]): string {
  return packages.toSorted().join("_").replaceAll("/", "+");
}

/** Of some dozens of packages. */
function pythonFolder(name: string, packages: readonly string[]): string {
  return `${name}-python-${createHash("sha256").update(packages.join("\n")).digest("hex").slice(0, 12)}`;
}

/** A broken download is no installation. */
async function wholeOrNotAtAll(folder: string, install: (partial: string) => Promise<void>): Promise<void> {
  const partial = `${folder}.partial-${process.pid}`;
  await mkdir(partial, { recursive: true, mode: 0o700 });
  try {
    await install(partial);
    await rename(partial, folder);
  } catch (error) {
    await rm(partial, { recursive: true, force: true });
    // Somebody else was faster.
    if (!["ENOTEMPTY", "EEXIST"].includes((error as NodeJS.ErrnoException).code ?? "")) throw error;
  }
}

/** Puts links to its programs, and to no others', beside those of the other agents. */
async function linkPrograms(data: string, folder: string): Promise<string[]> {
  const bin = join(agentsFolder(data), "bin");
  await mkdir(bin, { recursive: true, mode: 0o700 });
  const programs = (await readdir(join(folder, "bin"))).sort();
  for (const program of programs) {
    const link = join(bin, program);
    const target = join("..", folder.slice(agentsFolder(data).length + 1), "bin", program);
    if ((await readlink(link).catch(() => undefined)) === target) continue;
    const fresh = `${link}.new-${process.pid}`;
    await symlink(target, fresh);
    await rename(fresh, link);
  }
  return programs;
}
