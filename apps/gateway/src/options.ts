import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { addressFromParent } from "@slipway/process/server-address";
import { SlipwayError } from "@slipway/protocol/errors";

export const USAGE = "usage: main.ts serve --data DIR --socket PATH [--url URL] --token-file FILE | main.ts check --data DIR";

/** The longest path that a socket may have, in bytes: `sun_path` less its end, unix(7). */
const SOCKET_PATH_LIMIT_BYTES = 107;

export interface ServeOptions {
  readonly command: "serve";
  /** Data folder; the gateway uses `gateway/`, `gateway.yaml` and `secrets/gateway/` in it. */
  readonly data: string;
  readonly socket: string;
  readonly tokenFile: string;
  /** The server's address; without `--url` the parent tells it, as soon as the server listens. */
  readonly url: (signal: AbortSignal) => Promise<string>;
}

interface CheckOptions {
  readonly command: "check";
  readonly data: string;
}

/** INVALID_REQUEST names the flag that is wrong. */
export function readOptions(args: readonly string[]): ServeOptions | CheckOptions {
  const { values, positionals } = parse(args);
  const [command, extra] = positionals;
  if (extra !== undefined) throw invalid(`${extra}: one command is enough`);
  if (command === "check") return { command, data: resolve(required("--data", values.data)) };
  if (command !== "serve") throw invalid(command === undefined ? "the command is missing" : `${command}: no such command`);
  const data = resolve(required("--data", values.data));
  const socket = resolve(required("--socket", values.socket));
  const bytes = Buffer.byteLength(socket);
  if (bytes > SOCKET_PATH_LIMIT_BYTES) throw invalid(`--socket: ${socket} has ${bytes} bytes; a socket's path may have ${SOCKET_PATH_LIMIT_BYTES}`);
  const tokenFile = required("--token-file", values["token-file"]);
  const { url } = values;
  if (url !== undefined && !URL.canParse(url)) throw invalid(`--url: ${url} is no URL`);
  return { command, data, socket, url: async (signal) => url ?? (await addressFromParent(signal)), tokenFile };
}

/** Read only when the server's address is known: a server that starts for the first time makes the file before it listens. */
export function readToken(path: string): string {
  try {
    return readFileSync(path, "utf8").trim();
  } catch (error) {
    throw invalid(`--token-file: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function parse(args: readonly string[]) {
  const text = { type: "string" } as const;
  try {
    return parseArgs({ args: [...args], allowPositionals: true, options: { data: text, socket: text, url: text, "token-file": text } });
  } catch (error) {
    throw invalid(error instanceof Error ? error.message : String(error));
  }
}

function required(flag: string, value: string | undefined): string {
  if (value === undefined || value === "") throw invalid(`${flag} is missing`);
  return value;
}

function invalid(problem: string): SlipwayError {
  return new SlipwayError("INVALID_REQUEST", problem, { hint: USAGE });
}
