import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { WorkerReport } from "@slipway/protocol/worker-api";
import { pino } from "pino";
import { expect, test } from "vitest";
import { WorkerReporter } from "./worker-report.ts";

test("a gateway that stays away is told of, with what it means, until it answers", async () => {
  const folder = await mkdtemp(join(tmpdir(), "slipway-report-"));
  const socket = join(folder, "s");
  const said: string[][] = [];
  const call = async (_name: string, { body }: { body?: unknown }): Promise<never> => {
    said.push((body as WorkerReport).warnings);
    return {} as never;
  };
  const reporter = new WorkerReporter({
    client: { call: call as never },
    workerId: "worker",
    provider: {},
    backends: ["codex", "script"],
    gateway: { socket, backends: ["codex"] },
    pool: { troubles: [], follow: () => {} },
    log: pino({ level: "silent" }),
  });
  const server = createServer((_, response) => response.end("{}"));
  try {
    // Once may be one that is being started.
    await reporter.look();
    expect(said).toEqual([]);
    await reporter.look();
    expect(said).toEqual([[expect.stringMatching(/^the model gateway is not reached \(.*ENOENT.*\): jobs with codex end with GATEWAY_UNAVAILABLE$/)]]);
    await once(server.listen(socket), "listening");
    await reporter.look();
    expect(said.at(-1)).toEqual([]);
  } finally {
    server.close();
    await rm(folder, { recursive: true, force: true });
  }
});
