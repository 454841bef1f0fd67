import { mkdirSync, rmSync } from "node:fs";
import { chmod, mkdir, open, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { secretsFolder } from "@slipway/process/secret-file";
import { newId } from "@slipway/protocol/scalars";

/** Where the server keeps what: every path under the data folder that it reads or writes. */
export interface DataFolder {
  readonly root: string;
  /** Address, pid and version of the running server; there only while one listens. */
  readonly serverFile: string;
  readonly tokens: string;
  readonly database: string;
  readonly lock: string;
  /** Key of the git credentials that claims get; 32 random bytes. */
  readonly credentialKey: string;
  readonly artifacts: string;
  /** Images of jobs, each once, by its digest. */
  readonly jobImages: string;
  readonly hub: string;
  readonly hubHooks: string;
  /** Secrets of the server, such as credentials for the addresses of repositories; made by whoever puts one there. */
  readonly secrets: string;
  /** Keys of hosts, a file for each repository that names any. */
  readonly knownHosts: string;
  /** Of the authorities that git trusts; there where the installation names further ones. */
  readonly certificates: string;
}

/** Makes the folders, readable for the owner only, and names what is in them. */
export async function openDataFolder(root: string): Promise<DataFolder> {
  const server = join(root, "server");
  const folder: DataFolder = {
    root,
    serverFile: join(root, "server.json"),
    tokens: join(root, "tokens"),
    database: join(server, "slipway.db"),
    lock: join(server, "lock"),
    credentialKey: join(server, "credential-key"),
    artifacts: join(server, "artifacts"),
    jobImages: join(server, "job-images"),
    hub: join(server, "hub"),
    hubHooks: join(server, "hub-hooks"),
    secrets: secretsFolder(root, "server"),
    knownHosts: join(server, "known-hosts"),
    certificates: join(server, "certificates"),
  };
  for (const path of [root, folder.tokens, server, folder.artifacts, folder.jobImages, folder.hub, folder.hubHooks]) {
    mkdirSync(path, { recursive: true, mode: 0o700 });
    // The folder may be older than we are, with a wider mode.
    await chmod(path, 0o700);
  }
  return folder;
}

/** What `server.json` tells the other processes of the machine. */
export interface ServerFile {
  readonly url: string;
  readonly pid: number;
  /** In which the pid counts, pid_namespaces(7): a server in a container has another than who reads this. Null where the system has none. */
  readonly pidNamespace: string | null;
  readonly installationId: string;
  readonly version: string;
}

/** Writes `server.json` in one step, so that a reader never sees half of it. */
export async function writeServerFile(folder: DataFolder, content: ServerFile): Promise<void> {
  await writeWhole(folder.serverFile, `${JSON.stringify(content, null, 2)}\n`);
}

/** Removes `server.json`; synchronous, because it is among the last things a process does. */
export function removeServerFile(folder: DataFolder): void {
  rmSync(folder.serverFile, { force: true });
}

/** Writes a small private file durably: a temporary name that nobody else has, flushed, then renamed. */
export async function writeWhole(path: string, content: string | Uint8Array): Promise<void> {
  const temporary = `${path}.${newId()}.new`;
  try {
    await writeFile(temporary, content, { flag: "wx", mode: 0o600, flush: true });
    await rename(temporary, path);
    await syncFolder(join(path, ".."));
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

/** Flushes a folder, so that a rename in it outlives a power cut. */
async function syncFolder(path: string): Promise<void> {
  const handle = await open(path, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Makes a folder and those above it, for the owner only. */
export async function makePrivateFolder(path: string): Promise<void> {
  await mkdir(path, { recursive: true, mode: 0o700 });
}
