import { arch, platform } from "node:os";
import type { Client } from "@slipway/protocol/client";
import { SlipwayError } from "@slipway/protocol/errors";
import { type BackendList, backendListSchema, type Manifest } from "@slipway/protocol/manifest";
import { environmentCapability, sandboxCapability } from "@slipway/protocol/sandbox-kind";
import type { RegisteredWorker, RegisterWorker } from "@slipway/protocol/worker-api";
import { execa } from "execa";
import pRetry from "p-retry";
import type { Logger } from "pino";
import { environmentOf } from "../sandbox/environment.ts";
import type { SandboxProvider } from "../sandbox/sandbox.ts";

const DESCRIBE_LIMIT_MS = 60_000;

/** What `runner backends` prints: the backends that can be loaded, and those that cannot. INTERNAL where the runner does not start or says something else. */
export async function describeBackends(runner: string, signal?: AbortSignal): Promise<BackendList> {
  try {
    const { stdout } = await execa(process.execPath, ["--disable-sigusr1", runner, "backends"], {
      timeout: DESCRIBE_LIMIT_MS,
      stdin: "ignore",
      ...(signal ? { cancelSignal: signal } : {}),
    });
    return backendListSchema.parse(JSON.parse(stdout));
  } catch (error) {
    signal?.throwIfAborted();
    throw new SlipwayError(
      "INTERNAL",
      `The runner does not describe its backends: ${error instanceof Error ? error.message : String(error)}`,
      { runner },
      { cause: error },
    );
  }
}

/** What a job may require of this worker; by its environment the server knows which receipts are as good as its own. */
export function capabilitiesOf(manifests: readonly Manifest[], provider: Pick<SandboxProvider, "kind" | "image">, toolchains: readonly string[]): string[] {
  const environment = environmentCapability(environmentOf(provider, toolchains).digest);
  return [...manifests.map(({ name }) => `backend:${name}`), sandboxCapability(provider.kind), `os:${platform()}`, `arch:${arch()}`, environment];
}

/** Registers the worker; waits for a server that is out of reach. Rejects with the signal's reason, or where the server refuses. */
export async function register(client: Pick<Client, "call">, worker: RegisterWorker, log: Logger, signal: AbortSignal): Promise<RegisteredWorker> {
  return await pRetry(() => client.call("registerWorker", { body: worker, signal }), {
    retries: Number.POSITIVE_INFINITY,
    minTimeout: 100,
    maxTimeout: 3_000,
    factor: 2,
    signal,
    shouldRetry: ({ error }) => error instanceof SlipwayError && error.code === "SERVER_UNAVAILABLE",
    onFailedAttempt: ({ error, attemptNumber }) => {
      if (attemptNumber === 1) log.warn({ err: error }, "the worker could not register; trying until the server answers");
    },
  });
}
