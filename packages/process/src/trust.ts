import { chmod, mkdir, rename, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { getCACertificates, setDefaultCACertificates } from "node:tls";
import { readCertificates } from "./certificates.ts";

/** Names in a folder of certificates. */
export const BUNDLE_FILE = "ca.pem";
export const EXTRA_FILE = "extra.pem";

/** The file that the environment names for a part; undefined where it names none. */
export function extraCaCerts(env: NodeJS.ProcessEnv): string | undefined {
  return env["SLIPWAY_EXTRA_CA_CERTS"] ? resolve(env["SLIPWAY_EXTRA_CA_CERTS"]) : undefined;
}

/**
 * Has this thread's TLS, `fetch` too, trust the certificates of a file beside those that it trusts already, from its next connection on. INVALID_CONFIG for
 * the file. Other threads need the list that `getCACertificates("default")` has afterwards.
 */
export async function trustCertificates(file: string): Promise<void> {
  const { certificates } = await readCertificates(file);
  setDefaultCACertificates([...getCACertificates("default"), ...certificates.map(String)]);
}

/**
 * Writes two files for programs that are told of a file: BUNDLE_FILE, with these certificates and all that Node and this machine trust, for programs that
 * trust what it names in place of everything else; EXTRA_FILE with these alone, for those that add it. All may read them; each is there as a whole or not at
 * all. Makes the folder in one that is there. Answers its path. INVALID_CONFIG for the file.
 */
export async function writeCertificates(file: string, folder: string): Promise<string> {
  const extra = (await readCertificates(file)).certificates.map(String);
  await mkdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "EEXIST") throw error;
  });
  // A service's umask may be narrower; another user reads them in a container.
  await chmod(folder, 0o755);
  const known = (["bundled", "system", "extra"] as const).flatMap((kind) => getCACertificates(kind));
  await writeWhole(join(folder, EXTRA_FILE), pem(extra));
  await writeWhole(join(folder, BUNDLE_FILE), pem([...extra, ...known]));
  return folder;
}

/** Each once: the machine's own store names most of them again. */
function pem(certificates: readonly string[]): string {
  const byContent = new Map(certificates.map((text) => [text.replace(/\s/g, ""), text.trim()]));
  return `${[...byContent.values()].join("\n")}\n`;
}

async function writeWhole(path: string, text: string): Promise<void> {
  const fresh = `${path}.${process.pid}`;
  await writeFile(fresh, text, { mode: 0o644 });
  await chmod(fresh, 0o644);
  await rename(fresh, path);
}
