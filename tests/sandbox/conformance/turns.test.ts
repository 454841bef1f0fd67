import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { logText, openBench, play, type SandboxBench, until } from "../bench.ts";
import { KINDS } from "../kinds.ts";
import { processesWith } from "../live-processes.ts";

describe.each(KINDS)("turns in %s", (kind) => {
  let bench: SandboxBench;
  beforeAll(async () => {
    bench = await openBench(kind);
    await bench.provider.probe();
  });
  afterAll(async () => {
    await bench[Symbol.asyncDispose]();
  });

  test("a turn works in the workspace, streams its events in order and gives its result", async () => {
    const sandbox = await bench.start();
    const { result, events } = await play(sandbox, [
      { write: { path: "grüße/☃.txt", content: "Ünïcödé 🚢\n" } },
      { shell: "cat grüße/*; pwd" },
      { print: "Fertig 🚢" },
    ]);
    expect(result).toMatchObject({ status: "done", finalText: "Fertig 🚢" });
    expect(events.map(({ ordinal }) => ordinal)).toEqual(events.map((_, index) => index + 1));
    expect(logText(events)).toBe(`Ünïcödé 🚢\n${sandbox.inside.workspace}\n`);
    expect(await readFile(join(sandbox.record.spec.workspace, "grüße/☃.txt"), "utf8")).toBe("Ünïcödé 🚢\n");
  });

  test("a second turn goes on in the same sandbox, and a known turn id starts nothing", async () => {
    const sandbox = await bench.start();
    const first = await play(sandbox, [{ shell: "echo once >> ran" }, { print: "first" }]);
    const again = await play(sandbox, [{ shell: "echo once >> ran" }, { print: "first" }], { afterOrdinal: first.events.length });
    expect(again).toEqual({ result: first.result, events: [] });
    const second = await play(sandbox, [{ shell: "cat ran" }], { afterOrdinal: first.events.length, request: { turnId: "turn-2", turn: 2 } });
    expect(second.events[0]?.ordinal).toBe(first.events.length + 1);
    expect(logText(second.events)).toBe("once\n");
  });

  test("a turn's result tells the processor time and the memory of what it started", async () => {
    const sandbox = await bench.start();
    const work = "const held = Buffer.alloc(150 << 20, 1); const end = Date.now() + 2000; while (Date.now() < end); process.exit(held[9] - 1)";
    const { result } = await play(sandbox, [{ shell: `node -e '${work}'` }, { print: "worked" }]);
    expect(result).toMatchObject({ status: "done", finalText: "worked" });
    if (kind === "none by ps") return expect(result.resources).toBeUndefined();
    expect(result.resources?.cpuMs).toBeGreaterThan(200);
    expect(result.resources?.peakMemoryBytes).toBeGreaterThan(150 * 1_048_576);
    const idle = await play(sandbox, [{ print: "idle" }], { request: { turnId: "turn-2", turn: 2 } });
    expect(idle.result.resources?.cpuMs).toBeLessThan(200);
    expect(idle.result.resources?.peakMemoryBytes).toBeLessThan(150 * 1_048_576);
  });

  test("cancelling ends the turn with the signal's reason, and what it ran is dead", async () => {
    const sandbox = await bench.start();
    const abort = new AbortController();
    const reason = new Error("cancelled by the test");
    const mark = `31.${process.pid}${kind.length}1`;
    const turn = play(sandbox, [{ daemon: `exec sleep ${mark}` }, { print: "ready" }, { hang: { ignoreAbort: true } }], {
      signal: abort.signal,
      onEach: (event) => void (event.kind === "message" && abort.abort(reason)),
    });
    await expect(turn).rejects.toBe(reason);
    await until(() => processesWith(mark).length === 0, 5_000);
  });

  test.each([
    ["AGENT_TIMEOUT", { timeoutMs: 700 }, [{ hang: { heartbeatMs: 50 } }]],
    ["AGENT_STALLED", { stallMs: 500 }, [{ hang: true }]],
    ["AGENT_TIMEOUT", { timeoutMs: 700 }, [{ hang: { ignoreAbort: true } }]],
    ["BACKEND_QUOTA", {}, [{ fail: { code: "BACKEND_QUOTA", message: "no more" } }]],
    ["BACKEND_NOT_INSTALLED", { backend: "nobody" }, []],
    ["INVALID_CONFIG", { config: { script: { turns: [[{ nonsense: 1 }]] } } }, []],
  ])("a turn can end with %s", async (code, changes, steps) => {
    const sandbox = await bench.start();
    const { result } = await play(sandbox, steps, { request: changes });
    expect(result).toMatchObject({ status: "failed", failure: { code } });
    if (code === "INVALID_CONFIG") expect(JSON.stringify(result)).toContain("turns[0][0].nonsense");
  });

  test("secrets are masked in every event and in the result, across the borders of writes", async () => {
    const sandbox = await bench.start();
    const secret = "s3cr3t/ünd=geheim+42";
    const steps = [
      { shell: 'printf %s "$SCRIPT_SECRET" | cut -c1-9 | tr -d "\\n"; sleep 0.1; printf %s "$SCRIPT_SECRET" | cut -c10-' },
      { shell: 'printf %s "user:$SCRIPT_SECRET" | base64' },
      { shell: 'printf %s "$SCRIPT_SECRET" >&2; exit 3' },
    ];
    const { result, events } = await play(sandbox, steps, { request: { secrets: { SCRIPT_SECRET: secret } } });
    const all = JSON.stringify({ result, events });
    expect(all).toContain("***");
    expect(all).not.toContain(secret);
    expect(all).not.toContain("s3cr3t");
    expect(all).not.toContain(Buffer.from(`user:${secret}`).toString("base64").slice(8, 24));
  });

  test("a flood reaches a slow listener whole and in order, and fills no memory", async () => {
    const sandbox = await bench.start();
    const before = process.memoryUsage().rss;
    let count = 0;
    const { result, events } = await play(sandbox, [{ flood: { lines: 300_000, lineBytes: 100 } }], {
      onEach: async () => {
        count += 1;
        if (count % 200 === 0) await new Promise((resolve) => setTimeout(resolve, 5));
      },
      request: { timeoutMs: 60_000 },
    });
    expect(result.status).toBe("done");
    const text = logText(events);
    expect(text.length).toBe(300_000 * 100);
    expect(process.memoryUsage().rss - before).toBeLessThan(400 * 1_048_576);
  }, 90_000);
});
