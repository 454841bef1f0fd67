import { createHash, randomBytes } from "node:crypto";
import { chmod, mkdir } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { SlipwayError } from "@slipway/protocol/errors";
import { FIRST_LEASE_MS, leaseFileIn, monotonicNowMs, readLeaseFile, writeLeaseFile } from "./lease-file.ts";
import type { RunnerLink } from "./link/runner-link.ts";
import type { SandboxSpec } from "./sandbox.ts";

/** From the start of the process to its hello; generous, for a machine under load. */
const HELLO_LIMIT_MS = 20_000;
/** A runner that is still there connects again every quarter of a second. */
const RECONNECT_LIMIT_MS = 5_000;

/** Folder of a sandbox's socket, with a short path. */
export function socketFolderOf(runtimeFolder: string, id: string): string {
  return join(runtimeFolder, createHash("sha256").update(id).digest("hex").slice(0, 12));
}

/** Proves to the worker that a peer is the runner it started. */
export function newNonce(): string {
  return randomBytes(32).toString("hex");
}

/** Where the runner's standard error goes. */
export function runnerLogIn(control: string): string {
  return join(control, "runner.log");
}

/** Makes the folders of a sandbox as far as they are missing, and its first lease. */
export async function prepareFolders(spec: SandboxSpec, socketFolder: string): Promise<void> {
  for (const folder of [spec.workspace, spec.home, spec.spool, spec.control, socketFolder]) await mkdir(folder, { recursive: true, mode: 0o700 });
  for (const mountPoint of ["run", "cache", "gateway"]) await mkdir(join(spec.control, mountPoint), { recursive: true, mode: 0o700 });
  await chmod(socketFolder, 0o700);
  const lease = readLeaseFile(leaseFileIn(spec.control));
  // An ended lease of an earlier sandbox over the same folders would end the new one at once.
  if (lease === undefined || lease < monotonicNowMs()) writeLeaseFile(leaseFileIn(spec.control), monotonicNowMs() + FIRST_LEASE_MS);
}

/** Resolves with the runner's hello. Rejects with what `ended` resolves to where the runner ends first; with SANDBOX_UNAVAILABLE where it says nothing. */
export async function waitForHello(link: RunnerLink, ended: Promise<SlipwayError>, signal: AbortSignal): Promise<void> {
  const stop = new AbortController();
  try {
    await Promise.race([
      link.connected,
      ended.then((error) => {
        throw error;
      }),
      delay(HELLO_LIMIT_MS, undefined, { signal: stop.signal }).then(() => {
        throw new SlipwayError("SANDBOX_UNAVAILABLE", `The runner in the sandbox said nothing within ${HELLO_LIMIT_MS} ms.`);
      }),
      new Promise((_, reject) => {
        signal.addEventListener("abort", () => reject(signal.reason), { signal: stop.signal });
        if (signal.aborted) reject(signal.reason);
      }),
    ]);
  } finally {
    stop.abort();
  }
}

/** Whether the runner of an earlier worker process connects again in its time. */
export async function isReconnected(link: RunnerLink): Promise<boolean> {
  const stop = new AbortController();
  try {
    return await Promise.race([link.connected.then(() => true), delay(RECONNECT_LIMIT_MS, false, { signal: stop.signal })]);
  } finally {
    stop.abort();
  }
}
