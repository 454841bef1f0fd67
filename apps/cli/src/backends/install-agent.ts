import { existsSync } from "node:fs";
import { mkdir, readdir, readlink, rename, rm, symlink } from "node:fs/promises";
import { join } from "node:path";
import { agentsFolder } from "@slipway/process/agents-folder";
import { SlipwayError } from "@slipway/protocol/errors";
import type { Manifest } from "@slipway/protocol/manifest";
import { execa } from "execa";

/** A slow line to a registry, and packages of some hundred megabytes; in ms. */
const LIMIT_MS = 15 * 60_000;
/** Of what the installer said. */
const LINES_TOLD = 20;

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
 * Installs the agent of a backend, in the release that its manifest pins, into a folder of its own below the data folder, with npm and without running any
 * script of the packages. AGENT_INSTALL_FAILED, with the installer's last lines; INVALID_REQUEST where no registry has it.
 */
export async function installAgent(data: string, { name, image }: Pick<Manifest, "name" | "image">): Promise<InstalledAgent> {
  if (image.npm.length === 0) {
    const hint = "`slipway backends` says how it is got by hand.";
    throw new SlipwayError("INVALID_REQUEST", `No registry has the agent of the backend ${name}.`, { field: "name", value: name, hint });
  }
  const folder = join(agentsFolder(data), folderName(image.npm));
  const wasThere = existsSync(folder);
  if (!wasThere) await installFromNpm(image.npm, folder);
  const programs = await linkPrograms(data, folder);
  return { packages: image.npm, folder, programs, wasThere };
}

/** Such as `@openai+codex@0.169.0`. */
function folderName(packages: readonly string[]): string {
  return packages.toSorted().join("_").replaceAll("/", "+");
}

/** The folder appears whole or not at all, so that a broken download is no installation. */
async function installFromNpm(packages: readonly string[], folder: string): Promise<void> {
  const partial = `${folder}.partial-${process.pid}`;
  await mkdir(partial, { recursive: true, mode: 0o700 });
  try {
    const args = ["install", "--global", "--prefix", partial, "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error", ...packages];
    const result = await execa("npm", args, { all: true, reject: false, timeout: LIMIT_MS, stdin: "ignore" });
    if (result.failed) throw notInstalled(packages, result);
    await rename(partial, folder);
  } catch (error) {
    await rm(partial, { recursive: true, force: true });
    // Somebody else was faster.
    if (!["ENOTEMPTY", "EEXIST"].includes((error as NodeJS.ErrnoException).code ?? "")) throw error;
  }
}

function notInstalled(
  packages: readonly string[],
  { all = "", exitCode, shortMessage = "" }: { all?: string | undefined; exitCode?: number | undefined; shortMessage?: string | undefined },
): SlipwayError {
  const lines = (all || shortMessage).trim().split("\n").slice(-LINES_TOLD);
  const how = exitCode === undefined ? "npm could not be started or was ended" : `npm ended with ${exitCode}`;
  return new SlipwayError("AGENT_INSTALL_FAILED", `${packages.join(" ")} cannot be installed: ${how}: ${lines.at(-1) ?? ""}`, { packages, lines });
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
