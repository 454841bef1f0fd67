import { chmodSync, lstatSync, mkdirSync, rmSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { SlipwayError } from "@slipway/protocol/errors";

/**
 * Makes the place of the socket ready: its folder, mode 0700 where it is made here, and nothing in the way. What an earlier process left goes; anything
 * else stays. INVALID_REQUEST where the folder is another user's or open to others to write: who can write there can put a socket of their own in its place.
 */
export function prepareSocketPlace(socket: string): void {
  const folder = dirname(socket);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const stats = lstatSync(folder);
  if (!stats.isDirectory()) throw wrong(folder, "expected a folder; found something else");
  const uid = process.getuid?.();
  if (uid !== undefined && stats.uid !== uid) throw wrong(folder, `expected a folder of user ${uid}; it is of user ${stats.uid}`);
  if ((stats.mode & 0o022) !== 0) throw wrong(folder, `expected a folder that others cannot write; found mode ${(stats.mode & 0o777).toString(8)}`);
  const old = lstatSync(socket, { throwIfNoEntry: false });
  if (!old) return;
  if (!old.isSocket()) throw wrong(socket, "expected nothing or an old socket; found something else");
  rmSync(socket);
}

/**
 * Only the owner: a sandbox gets the socket by a mount, or by its uid being the owner's. Where its folder lets a group in, that is the group of agents that
 * run as another user than their worker, and the socket is theirs too.
 */
export function closeToOthers(socket: string): void {
  const letsGroupIn = (statSync(dirname(socket)).mode & 0o010) !== 0;
  chmodSync(socket, letsGroupIn ? 0o660 : 0o600);
}

function wrong(path: string, problem: string): SlipwayError {
  return new SlipwayError("INVALID_REQUEST", `--socket: ${path}: ${problem}.`, { path, hint: "Name a socket in a folder of its own." });
}
