import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { isSshUrl, isWebUrl, type UpstreamAccess } from "@slipway/git/upstream-access";
import { provideSecret, readSecretFile, SECRET_VARIABLE_PREFIX } from "@slipway/process/secret-file";
import { SlipwayError } from "@slipway/protocol/errors";
import type { HostCredentials } from "@slipway/protocol/forge-settings";
import { type DataFolder, makePrivateFolder, writeWhole } from "../data-folder.ts";
import type { ForgeRegistry } from "../forges/forges.ts";
import type { RepositoryRow } from "../store/store.ts";

const PRIVATE_KEY = /^-----BEGIN [A-Z ]*PRIVATE KEY-----/;

/** The server's folders that an address is reached with. */
type Folders = Pick<DataFolder, "secrets" | "knownHosts">;

/** What is asked for a credential: the repository's own, or that of its git host. */
export interface AccessPlane {
  readonly folder: Folders;
  readonly forges: Pick<ForgeRegistry, "open">;
  readonly hostCredentials: HostCredentials;
}

/**
 * What the server shows at a repository's address: the secret that the repository names, or where it names none that of its host (`server.credentials`, else
 * `server.forges`), read anew each time, so that it can be replaced while the server runs. UPSTREAM_AUTH where it is not there or of no use for this kind of address.
 */
export async function upstreamAccess(
  { folder, forges, hostCredentials }: AccessPlane,
  repository: Pick<RepositoryRow, "id" | "url" | "upstream">,
): Promise<UpstreamAccess> {
  const { id, url, upstream } = repository;
  const ofHost = url === null ? undefined : hostCredentials[hostOf(url)];
  if (url !== null && isSshUrl(url)) {
    // A host may be reached both ways, and has one secret: a token is for https alone.
    const name = upstream.credential ?? (ofHost !== undefined && (await isKey(folder, ofHost)) ? ofHost : null);
    return { ...(await keyOf(folder, name)), ...(await knownHostsOf(folder, id, upstream.knownHosts)) };
  }
  if (url === null || !isWebUrl(url)) return {};
  if (upstream.credential !== null) return { token: await tokenOf(folder, upstream.credential) };
  if (ofHost !== undefined && !(await isKey(folder, ofHost))) return { token: await tokenOf(folder, ofHost) };
  return await hostAccess(forges, url);
}

/** The host of an address, with its port where https names one. */
function hostOf(url: string): string {
  const scp = /^(?:[\w.-]+@)?([\w.-]+):(?!\/\/)/.exec(url);
  if (scp?.[1] && !/^\w+:\/\//.test(url)) return scp[1].toLowerCase();
  if (!URL.canParse(url)) return "";
  const { protocol, host, hostname } = new URL(url);
  return (protocol === "ssh:" ? hostname : host).toLowerCase();
}

async function isKey({ secrets }: Folders, name: string): Promise<boolean> {
  return PRIVATE_KEY.test((await read(secrets, name)) ?? "");
}

/** The installation's credential for the git host, where it has one; without it the address is asked as anybody may. */
async function hostAccess(forges: AccessPlane["forges"], url: string): Promise<UpstreamAccess> {
  try {
    const credential = await (await forges.open(url))?.forge.pushCredential();
    return credential ? { token: `${credential.username}:${credential.password}` } : {};
  } catch (error) {
    if (error instanceof SlipwayError && error.code === "FORGE_TOKEN_MISSING") return {};
    throw error;
  }
}

async function tokenOf({ secrets }: Folders, name: string): Promise<string> {
  const token = (await read(secrets, name)) ?? process.env[SECRET_VARIABLE_PREFIX + name];
  if (!token) throw missing(secrets, name, "token");
  if (/[\r\n]/.test(token)) throw unusable(name, "it is more than one line; an https address needs a token, or user:password, in one");
  return token;
}

/** ssh reads a key from a file alone, so there is no variable for it. */
async function keyOf({ secrets }: Folders, name: string | null): Promise<UpstreamAccess> {
  if (name === null) return {};
  const key = await read(secrets, name);
  if (key === undefined) throw missing(secrets, name, "private key, as `ssh-keygen` writes it");
  if (!PRIVATE_KEY.test(key)) throw unusable(name, "it is no private key, and the address is reached by ssh");
  return { keyFile: join(secrets, name) };
}

async function read(folder: string, name: string): Promise<string | undefined> {
  try {
    return await readSecretFile(join(folder, name));
  } catch (error) {
    if (!(error instanceof SlipwayError)) throw error;
    // Jobs fail with SECRET_MISSING; here nobody runs one.
    throw new SlipwayError("UPSTREAM_AUTH", error.message, { ...error.details, credential: name }, { cause: error });
  }
}

function missing(folder: string, name: string, what: string): SlipwayError {
  const hint = `On the server's machine: ${provideSecret(folder, name)} (a ${what}).`;
  return new SlipwayError("UPSTREAM_AUTH", `The credential ${name} is named for this address, and the server has no such secret.`, { credential: name, hint });
}

function unusable(name: string, why: string): SlipwayError {
  return new SlipwayError("UPSTREAM_AUTH", `The credential ${name} cannot be used: ${why}.`, { credential: name });
}

/** ssh wants them in a file. */
async function knownHostsOf({ knownHosts }: Folders, id: string, lines: string | null): Promise<UpstreamAccess> {
  if (lines === null) return {};
  const file = join(knownHosts, id);
  const text = `${lines.trimEnd()}\n`;
  const present = await readFile(file, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "ENOENT") throw error;
  });
  if (present !== text) {
    await makePrivateFolder(knownHosts);
    await writeWhole(file, text);
  }
  return { knownHostsFile: file };
}
