/**
 * `node health.ts PART [SOCKET]`: whether this container's part of the stack is well; compose asks it, every ten seconds, so it loads nothing but Node. Ends with
 * 0 or 1, with a line that says why. The server and the gateway are asked themselves, of a worker the server is asked whether it is connected; an integrator
 * only asks others, so its token is tried in its place.
 */
import { readFileSync } from "node:fs";
import { request } from "node:http";
import { join } from "node:path";

const LIMIT_MS = 4_000;
const [part = "", socket = ""] = process.argv.slice(2);
const data = process.env["SLIPWAY_DATA"] ?? "";
const url = process.env["SLIPWAY_URL"] ?? "http://127.0.0.1:4750";

/** The answer to a GET; throws where it is not 200. */
async function get<T>(address: { readonly socket: string; readonly path: string } | { readonly url: string; readonly token?: string }): Promise<T> {
  const signal = AbortSignal.timeout(LIMIT_MS);
  const { promise, resolve, reject } = Promise.withResolvers<T>();
  const headers = "token" in address ? { authorization: `Bearer ${address.token}` } : {};
  const asking = "url" in address ? request(address.url, { headers, signal }) : request({ socketPath: address.socket, path: address.path, signal });
  asking.on("error", (error) => reject(signal.aborted ? new Error(`no answer within ${LIMIT_MS} ms`) : error));
  asking.on("response", async (response) => {
    try {
      const text = (await response.toArray()).join("");
      if (response.statusCode !== 200) throw new Error(`HTTP ${response.statusCode}: ${text.slice(0, 300)}`);
      resolve(JSON.parse(text) as T);
    } catch (error) {
      reject(error);
    }
  });
  asking.end();
  return await promise;
}

function tokenOf(role: string): string {
  return readFileSync(join(data, "tokens", `${role}.token`), "utf8").trim();
}

const CHECKS: Readonly<Record<string, () => Promise<string>>> = {
  async server() {
    const { version } = await get<{ version: string }>({ url: `${url}/v1/health` });
    return `version ${version} answers`;
  },
  async worker() {
    const { workerId } = JSON.parse(readFileSync(join(data, "worker", "identity.json"), "utf8")) as { workerId: string };
    const { workers } = await get<{ workers: Array<{ id: string; connected: boolean }> }>({ url: `${url}/v1/workers`, token: tokenOf("worker") });
    if (!workers.some(({ id, connected }) => id === workerId && connected)) throw new Error(`the server has no connection to the worker ${workerId}`);
    return "the server is connected to it";
  },
  async integrator() {
    const { role } = await get<{ role: string }>({ url: `${url}/v1/whoami`, token: tokenOf("integrator") });
    return `the server takes its token of the role ${role}`;
  },
  async gateway() {
    const { status } = await get<{ status: string }>({ socket, path: "/slipway/health" });
    if (status !== "ok") throw new Error(`it is ${status}: it has not reached the server`);
    return "it has reached the server, and answers on its socket";
  },
};

try {
  const check = CHECKS[part];
  if (!check) throw new Error(`usage: health.ts ${Object.keys(CHECKS).join(" | ")} [SOCKET]`);
  console.log(await check());
} catch (error) {
  console.log(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
}
