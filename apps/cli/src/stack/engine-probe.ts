import { existsSync } from "node:fs";
import { type ClientRequestArgs, request } from "node:http";
import { homedir } from "node:os";
import { join } from "node:path";
import type { SandboxProbe } from "./sandbox-probe.ts";

const ANSWER_LIMIT_MS = 10_000;

/** Whether a container engine answers; what was found is its version. The worker itself tries a container, and says what is wrong with that. */
export async function probeEngine(): Promise<SandboxProbe> {
  const address = process.env["DOCKER_HOST"] || `unix://${defaultSocket()}`;
  const tried = `GET /version of ${address}`;
  try {
    const { status, body } = await get(address, "/version");
    const { Version } = JSON.parse(body) as { Version?: string };
    return status === 200
      ? { ok: true, tried, found: `engine ${Version ?? "of an unknown version"}` }
      : { ok: false, tried, found: `it answers with ${status}` };
  } catch (error) {
    return { ok: false, tried, found: `no container engine answers: ${error instanceof Error ? error.message : String(error)}` };
  }
}

function defaultSocket(): string {
  const own = join(homedir(), ".docker/run/docker.sock");
  return existsSync(own) ? own : "/var/run/docker.sock";
}

function get(address: string, path: string): Promise<{ status: number; body: string }> {
  const url = address.startsWith("unix://") ? undefined : new URL(address.replace(/^tcp:/, "http:"));
  const where: ClientRequestArgs = url ? { host: url.hostname, port: url.port } : { socketPath: address.slice("unix://".length) };
  return new Promise((resolve, reject) => {
    const asked = request({ ...where, path, headers: { host: "docker" }, signal: AbortSignal.timeout(ANSWER_LIMIT_MS) }, (response) => {
      let body = "";
      response.setEncoding("utf8");
      response.on("data", (chunk: string) => {
        body += chunk;
      });
      response.once("error", reject);
      response.once("end", () => resolve({ status: response.statusCode ?? 0, body }));
    });
    asked.once("error", reject);
    asked.end();
  });
}
