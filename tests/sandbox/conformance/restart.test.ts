import { fork } from "node:child_process";
import { once } from "node:events";
import { readFileSync, watch } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { AgentEvent } from "@slipway/protocol/events";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { SandboxRecord } from "../../../apps/worker/src/sandbox/sandbox.ts";
import { openBench, play, type SandboxBench } from "../bench.ts";
import { KINDS } from "../kinds.ts";

describe.each(KINDS)("a killed worker, %s", (kind) => {
  let bench: SandboxBench;
  beforeAll(async () => {
    bench = await openBench(kind);
    await bench.provider.probe();
  });
  afterAll(async () => {
    await bench[Symbol.asyncDispose]();
  });

  const steps = [{ print: "one" }, { shell: "echo ran >> runs" }, { waitFor: "go" }, { print: "two" }, { shell: "cat runs" }];

  /** Runs a turn in another process, kills that one with -9 after the first events, and gives what it knew. */
  async function loseWorker(): Promise<{ record: SandboxRecord; events: Array<{ ordinal: number; event: AgentEvent }> }> {
    const spec = await bench.spec();
    const child = fork(join(import.meta.dirname, "../first-worker.ts"), [kind, bench.runtimeFolder, bench.data, JSON.stringify(spec), JSON.stringify(steps)]);
    const events: Array<{ ordinal: number; event: AgentEvent }> = [];
    const told = Promise.withResolvers<SandboxRecord>();
    let record: SandboxRecord | undefined;
    child.on("message", (message: { record?: SandboxRecord; ordinal: number; event: AgentEvent }) => {
      if (message.record) record = message.record;
      else events.push(message);
      if (record && events.length >= 3) told.resolve(record);
    });
    child.once("exit", () => told.reject(new Error("the first worker ended by itself")));
    await told.promise;
    child.kill("SIGKILL");
    await once(child, "exit");
    return { record: await told.promise, events };
  }

  /** Resolves when the runner's ledger of turns has the result: what a watch of its folder tells. */
  async function turnEnded({ spec }: SandboxRecord): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const look = (): void => {
      if (readFileSync(join(spec.spool, "turns.jsonl"), "utf8").includes('"result"')) resolve();
    };
    const watcher = watch(spec.spool, look);
    const limit = setTimeout(() => reject(new Error("the turn has no result after 20 s")), 20_000);
    try {
      look();
      await promise;
    } finally {
      clearTimeout(limit);
      watcher.close();
    }
  }

  test("the turn goes on in the next worker: nothing runs twice, no event is lost or repeated", async () => {
    const { record, events } = await loseWorker();
    const sandbox = await bench.provider.attach(JSON.parse(JSON.stringify(record)));
    if (!sandbox) throw new Error("the sandbox is gone");
    await using _ = sandbox;
    const known = events.at(-1)?.ordinal ?? 0;
    await writeFile(join(record.spec.workspace, "go"), "");
    const rest = await play(sandbox, steps, { afterOrdinal: known });
    expect(rest.result).toMatchObject({ status: "done", finalText: "two" });
    expect([...events, ...rest.events].map(({ ordinal }) => ordinal)).toEqual(Array.from({ length: known + rest.events.length }, (_, index) => index + 1));
    expect(JSON.stringify(rest.events)).toContain('"text":"ran\\n"');
    expect((await play(sandbox, steps, { afterOrdinal: known + rest.events.length })).result).toEqual(rest.result);
  });

  test("a turn that ended while there was no worker gives its result to the next one", async () => {
    const { record, events } = await loseWorker();
    await writeFile(join(record.spec.workspace, "go"), "");
    await turnEnded(record);
    const sandbox = await bench.provider.attach(record);
    if (!sandbox) throw new Error("the sandbox is gone");
    await using _ = sandbox;
    const rest = await play(sandbox, steps, { afterOrdinal: events.at(-1)?.ordinal ?? 0 });
    expect(rest.result.status).toBe("done");
  });

  test("a sandbox that is gone cannot be attached, and another process with its pid is left alone", async () => {
    const { record } = await loseWorker();
    await bench.provider.reclaim(record);
    expect(await bench.provider.attach(record)).toBeUndefined();
    const impostor = { ...record, processes: [{ pid: process.pid, startTime: "1" }] };
    expect(await bench.provider.attach(impostor)).toBeUndefined();
    await bench.provider.reclaim(impostor);
  });
});
