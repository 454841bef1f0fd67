import { spawn } from "node:child_process";
import { once } from "node:events";
import { constants } from "node:os";
import { ModelPort } from "../model/model-port.ts";

const NOT_FOUND_EXIT = 127;
const NOT_RUNNABLE_EXIT = 126;

/**
 * Runs a command with the egress proxy's socket as its only way out: a loopback port of the sandbox leads there, and the usual variables name it. Answers
 * the command's exit code, 128 + the signal's number where one ended it.
 */
export async function runProxied(socketPath: string, argv: readonly string[]): Promise<number> {
  await using port = new ModelPort();
  const proxy = await port.open(socketPath);
  const [file = "", ...args] = argv;
  const child = spawn(file, args, { stdio: "inherit", env: { ...process.env, ...proxyEnvironment(proxy) } });
  try {
    const [code, signal] = (await once(child, "exit")) as [number | null, NodeJS.Signals | null];
    return code ?? 128 + (signal ? constants.signals[signal] : 0);
  } catch (error) {
    process.stderr.write(`${file}: ${(error as Error).message}\n`);
    return (error as NodeJS.ErrnoException).code === "ENOENT" ? NOT_FOUND_EXIT : NOT_RUNNABLE_EXIT;
  }
}

/** Variables by which programs find a proxy; there is no common one. */
export function proxyEnvironment(proxy: string): Record<string, string> {
  const local = "localhost,127.0.0.1,::1";
  return {
    HTTPS_PROXY: proxy,
    https_proxy: proxy,
    HTTP_PROXY: proxy,
    http_proxy: proxy,
    NO_PROXY: local,
    no_proxy: local,
    // Node's own fetch looks at the others only where it is told to.
    NODE_USE_ENV_PROXY: "1",
    // Yarn 2 and later reads nothing but its own settings.
    YARN_HTTPS_PROXY: proxy,
    YARN_HTTP_PROXY: proxy,
  };
}
