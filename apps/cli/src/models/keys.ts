import { stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { GatewayConfig } from "@slipway/protocol/gateway-config";
import { shellWord } from "../terminal/shell.ts";

/** Where the gateway looks for a key first; the environment variable of the same name comes second. */
export function keyFile(data: string, name: string): string {
  return join(data, "secrets", "gateway", name);
}

/** A provider whose key is not there. */
export interface MissingKey {
  readonly provider: string;
  readonly name: string;
}

/** The providers none of whose keys is in a file or in this process's environment: for a gateway that this command starts. Nothing is read. */
export async function missingKeys(config: GatewayConfig, data: string): Promise<MissingKey[]> {
  const found = await Promise.all(
    Object.entries(config.providers).map(async ([provider, { key, moreKeys }]) => {
      if (key === null) return [];
      for (const name of [key, ...moreKeys]) if (process.env[name] || (await isUsableFile(keyFile(data, name)))) return [];
      return [{ provider, name: key }];
    }),
  );
  return found.flat();
}

/**
 * What to type so that the key is on disk for this user alone, and neither in the shell's history nor in a process's arguments: a line that every shell
 * takes, and one for what comes after.
 */
export function howToGiveKey(file: string): string {
  const script = `umask 077; mkdir -p ${shellWord(dirname(file))} && cat >${shellWord(file)}`;
  return `sh -c ${shellWord(script)}\nThen paste the key, press Enter and Ctrl-D.`;
}

/** Something in it, and its owner's alone: the gateway takes no other. */
async function isUsableFile(path: string): Promise<boolean> {
  return await stat(path).then(
    ({ size, mode }) => size > 0 && (mode & 0o077) === 0,
    () => false, // Missing, or not to be seen by this user: the gateway would not get it either.
  );
}
