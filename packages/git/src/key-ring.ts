import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { SigningKey } from "./sign.ts";

/** How long gpg may take for one step, in ms. */
const STEP_LIMIT_MS = 30_000;

/** A key ring with one key; disposing ends gpg's agent and removes it. */
export interface KeyRing extends AsyncDisposable {
  readonly key: SigningKey;
}

/**
 * Takes an armored secret key of gpg into a key ring of its own: gpg signs from one alone. Its path is short, as gpg's sockets lie there. Throws an Error with
 * gpg's words where it takes no key in.
 */
export async function openKeyRing(armored: string): Promise<KeyRing> {
  const { execa } = await import("execa");
  const home = await mkdtemp(join(tmpdir(), "swgpg-"));
  const options = { env: { PATH: process.env["PATH"], GNUPGHOME: home, LC_ALL: "C" }, extendEnv: false, timeout: STEP_LIMIT_MS } as const;
  const gpg = async (args: readonly string[], input = ""): Promise<string> =>
    (await execa("gpg", ["--batch", "--no-tty", ...args], { ...options, input })).stdout;
  const close = async (): Promise<void> => {
    await execa("gpgconf", ["--kill", "all"], { ...options, reject: false });
    await rm(home, { recursive: true, force: true, maxRetries: 5 });
  };
  try {
    await gpg(["--import"], armored);
    const fingerprint = /^fpr:+([0-9A-F]+):/m.exec(await gpg(["--with-colons", "--list-secret-keys"]))?.[1];
    if (fingerprint === undefined) throw new Error("gpg finds no secret key in it");
    return { key: { format: "openpgp", home, fingerprint }, [Symbol.asyncDispose]: close };
  } catch (error) {
    await close();
    throw error;
  }
}
