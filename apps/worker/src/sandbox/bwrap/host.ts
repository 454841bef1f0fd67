import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { backendPaths } from "../backends-folder.ts";
import { removeEgressFolders } from "../egress-folders.ts";
import { resourceLimitPrefix } from "../limits/in-force.ts";
import type { SandboxLimits } from "../limits/limits.ts";
import type { ResourceGroups } from "../limits/resource-groups.ts";
import { makeCompileCache } from "../runner-cache.ts";
import type { SandboxSpec } from "../sandbox.ts";
import { runOneShot } from "./one-shot.ts";
import { bubblewrapFailed } from "./spawn-bubblewrap.ts";
import type { HostView } from "./view.ts";

export interface BwrapSettings {
  /** For sockets and the synthetic /etc; its path is short. */
  readonly runtimeFolder: string;
  /** The checkout or installation that holds `apps/runner`. */
  readonly installRoot: string;
  readonly maskPaths: readonly string[];
  readonly backendsFolder?: string | undefined;
  readonly gatewayFolder?: string | undefined;
  readonly certificates?: string | undefined;
  readonly agentsFolder?: string | undefined;
  readonly limits: SandboxLimits;
  readonly groups: ResourceGroups;
}

/** What the inside finds in /etc in place of the machine's own. */
const ETC_FILES = {
  passwd:
    "root:x:0:0:root:/root:/usr/sbin/nologin\nagent:x:1000:1000:Slipway agent:/home/agent:/bin/sh\nnobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n",
  group: "root:x:0:\nagent:x:1000:\nnogroup:x:65534:\n",
  hostname: "slipway\n",
  hosts: "127.0.0.1 localhost slipway\n::1 localhost\n",
};

/** Gets the host ready for sandboxes and tries one for real. SANDBOX_UNAVAILABLE, with bwrap's own words and the remedy, where it does not hold. */
export async function openHost(settings: BwrapSettings): Promise<HostView> {
  const help = await execa("bwrap", ["--help"], { reject: false, all: true });
  if (help.failed && help.exitCode === undefined) throw bubblewrapFailed(help.originalMessage ?? "spawn bwrap ENOENT", help);
  const etcFolder = join(settings.runtimeFolder, "etc");
  await mkdir(etcFolder, { recursive: true, mode: 0o700 });
  for (const [name, content] of Object.entries(ETC_FILES)) await writeFile(join(etcFolder, name), content);
  await removeEgressFolders(settings.runtimeFolder);
  await makeCompileCache(settings.runtimeFolder, settings.installRoot);
  const host: HostView = {
    installRoot: settings.installRoot,
    runtimeFolder: settings.runtimeFolder,
    etcFolder,
    maskPaths: settings.maskPaths,
    backends: backendsIn(settings.backendsFolder),
    groups: settings.groups,
    agentsFolder: settings.agentsFolder,
    commandPrefix: resourceLimitPrefix(settings.limits),
    canDisableUserns: help.all.includes("--disable-userns"),
  };
  try {
    await tryHost(host);
    return host;
  } catch (error) {
    if (!host.canDisableUserns) throw error;
    // Some containers mount /proc/sys read-only, where that one option cannot be had; everything else must hold.
    const weaker = { ...host, canDisableUserns: false };
    await tryHost(weaker);
    return weaker;
  }
}

/** The folder by its real path, which is what is there inside. */
function backendsIn(folder: string | undefined): HostView["backends"] {
  if (folder === undefined) return undefined;
  const paths = backendPaths(folder);
  return { folder: paths[0] ?? folder, paths };
}

async function tryHost(host: HostView): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "slipway-probe-"));
  try {
    const spec: SandboxSpec = { id: folder, workspace: folder, home: folder, spool: folder, control: folder, readOnly: [] };
    const command = { argv: ["true"], env: {}, network: "none", timeoutMs: 10_000, outputLimitBytes: 65_536 } as const;
    const result = await runOneShot(host, spec, command, new AbortController().signal);
    if (result.exitCode !== 0) throw bubblewrapFailed(result.output.toString("utf8") || `\`true\` ended with ${result.exitCode} in it`);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
