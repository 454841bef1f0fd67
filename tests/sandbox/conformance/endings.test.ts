import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { leaseFileIn, monotonicNowMs, writeLeaseFile } from "../../../apps/worker/src/sandbox/lease-file.ts";
import { isIsolated, openBench, play, type SandboxBench, until } from "../bench.ts";
import { KINDS } from "../kinds.ts";
import { processesWith } from "../live-processes.ts";

describe.each(KINDS)("endings in %s", (kind) => {
  let bench: SandboxBench;
  let count = 0;
  /** An argument of `sleep` that no other process has. */
  const newMark = (): string => {
    count += 1;
    return `9${process.pid}.${kind.length}${count}`;
  };
  beforeAll(async () => {
    bench = await openBench(kind);
  });
  afterAll(async () => {
    await bench[Symbol.asyncDispose]();
  });

  test("end() leaves nothing: not a daemon in a session of its own, not its children", async () => {
    const sandbox = await bench.start();
    const mark = newMark();
    const { result } = await play(sandbox, [{ daemon: `setsid sh -c 'sleep ${mark} & sleep ${mark}; true'` }, { print: "left" }]);
    expect(result.status).toBe("done");
    await until(() => processesWith(mark).length > 0);
    await sandbox.end();
    expect(processesWith(mark)).toEqual([]);
    expect(processesWith(sandbox.record.spec.spool)).toEqual([]);
  });

  test("end() ends a running turn and a running one-shot, and can be called again", async () => {
    const sandbox = await bench.start();
    let begun = (): void => {};
    const isBegun = new Promise<void>((resolve) => {
      begun = resolve;
    });
    const turn = play(sandbox, [{ print: "begun" }, { hang: true }], { onEach: () => begun() });
    await isBegun;
    const ends = Promise.all([expect(turn).rejects.toMatchObject({ code: "RUNNER_LOST" }), sandbox.end()]);
    await ends;
    await sandbox.end();
    await expect(play(sandbox, [])).rejects.toMatchObject({ code: "RUNNER_LOST" });
  });

  test("kill -9 of the runner in the middle of a turn is RUNNER_LOST, and takes the rest along", async () => {
    const sandbox = await bench.start();
    const mark = newMark();
    const turn = play(sandbox, [{ daemon: `exec setsid sleep ${mark}` }, { print: "ready" }, { hang: true }], {
      onEach: (event) => {
        if (event.kind !== "message") return;
        const [first] = sandbox.record.processes;
        const runners = processesWith("apps/runner/src/main.ts").filter((pid) => (isIsolated(kind) ? parentOf(pid) : pid) === first?.pid);
        expect(runners).toHaveLength(1);
        for (const pid of runners) process.kill(pid, "SIGKILL");
      },
    });
    await expect(turn).rejects.toMatchObject({ code: "RUNNER_LOST" });
    await until(() => processesWith(mark).length === 0, 3_000);
  });

  test("a lease that is over ends everything soon, a lease that moves does not", async () => {
    const sandbox = await bench.start();
    const mark = newMark();
    const lease = leaseFileIn(sandbox.record.spec.control);
    await play(sandbox, [{ daemon: `exec setsid sleep ${mark}` }]);
    await until(() => processesWith(mark).length > 0);
    writeLeaseFile(lease, monotonicNowMs() + 1_000);
    writeLeaseFile(lease, monotonicNowMs() + 60_000);
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    expect(processesWith(mark).length).toBeGreaterThan(0);
    const startedAt = performance.now();
    writeLeaseFile(lease, monotonicNowMs());
    await until(() => processesWith(mark).length === 0, 5_000);
    expect(performance.now() - startedAt).toBeLessThan(3_000);
  });

  test("a flood of output does not delay the end of the lease", async () => {
    const sandbox = await bench.start();
    const lease = leaseFileIn(sandbox.record.spec.control);
    let first = true;
    let endedAt = 0;
    const turn = play(sandbox, [{ flood: { lines: 100_000_000, lineBytes: 200 } }], {
      onEach: () => {
        if (!first) return;
        first = false;
        endedAt = performance.now();
        writeLeaseFile(lease, monotonicNowMs());
      },
    });
    await expect(turn).rejects.toMatchObject({ code: "RUNNER_LOST" });
    expect(performance.now() - endedAt).toBeLessThan(5_000);
  });

  test("reclaim() ends what a record names and spares a process that only has its pid", async () => {
    const sandbox = await bench.start();
    const mark = newMark();
    await play(sandbox, [{ daemon: `exec setsid sleep ${mark}` }]);
    await until(() => processesWith(mark).length > 0);
    const [process] = sandbox.record.processes;
    await bench.provider.reclaim({
      ...sandbox.record,
      spec: { ...sandbox.record.spec, id: "another" },
      processes: [{ pid: process?.pid ?? 0, startTime: "1" }],
    });
    expect(processesWith(mark).length).toBeGreaterThan(0);
    await bench.provider.reclaim(sandbox.record);
    expect(processesWith(mark)).toEqual([]);
    await bench.provider.reclaim(sandbox.record);
  });
});

function parentOf(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
  return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]);
}
