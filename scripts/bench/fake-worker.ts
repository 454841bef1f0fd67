import type { Client } from "@slipway/protocol/client";
import { newId } from "@slipway/protocol/scalars";
import type { Claim } from "@slipway/protocol/worker-api";

/** A worker with no sandbox and no agent: it speaks the API, so that what is measured is the server. */
export class FakeWorker {
  readonly id = newId();
  readonly #client: Pick<Client, "call">;

  constructor(client: Pick<Client, "call">) {
    this.#client = client;
  }

  async register(): Promise<void> {
    const backend = {
      manifestVersion: 1 as const,
      name: "script",
      version: "1.0.0",
      summary: "bench",
      capabilities: { resume: false, usage: false, plan: false, model: false },
      configSchema: {},
      secrets: [],
      image: { npm: [], apt: [] },
    };
    const body = {
      workerId: this.id,
      name: `bench-${this.id.slice(-6)}`,
      slots: 64,
      verifySlots: 1,
      capabilities: ["backend:script"],
      backends: [backend],
      sandbox: "none" as const,
      version: "bench",
    };
    await this.#client.call("registerWorker", { body });
  }

  async claim(waitMs: number): Promise<Claim | null> {
    const body = { claimId: newId(), workerId: this.id, kinds: ["task" as const], waitMs };
    return (await this.#client.call("claim", { body })).claim;
  }

  /** Ends an attempt with a final failure: the cheapest ending that is durable. */
  async finish(claim: Claim): Promise<void> {
    const outcome = { kind: "failed" as const, failure: { code: "NO_CHANGE" as const, message: "bench" } };
    await this.#client.call("finish", { params: { job: claim.job.id, fence: claim.fence }, body: { outcome } });
  }
}

/** The smallest job for the script backend. */
export const EMPTY_SCRIPT = { script: { turns: [[{ print: "bench" }]] } };
