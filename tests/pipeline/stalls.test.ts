import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { toSlipwayError } from "@slipway/protocol/errors";
import { afterAll, afterEach, describe, expect, test } from "vitest";
import { runAttempt } from "../../apps/worker/src/job/run-attempt.ts";
import { createSandboxProvider } from "../../apps/worker/src/sandbox/create.ts";
import { readOnlyToolchains } from "../../apps/worker/src/sandbox/toolchains.ts";
import { KINDS } from "../sandbox/kinds.ts";
import { TestAttempt } from "../support/attempt-context.ts";
import { Life } from "../support/mortal-worker.ts";

/** Agents that fall silent, in real sandboxes with the real runner and a short limit. */

const INSTALL_ROOT = join(import.meta.dirname, "..", "..");
const STALL_MS = 800;
const FILES = { ".slipway.yaml": "gates:\n  - {name: sum, run: grep -qx 2 sum}\n", sum: "3\n" };

const runtimeFolder = await mkdtemp(join(tmpdir(), "slipway-run-"));
afterAll(() => rm(runtimeFolder, { recursive: true, force: true }));

const attempts: TestAttempt[] = [];
afterEach(async () => {
  for (const attempt of attempts.splice(0)) await attempt[Symbol.asyncDispose]();
});

describe.each((["bwrap", "none"] as const).filter((kind) => KINDS.includes(kind)))("in the %s sandbox", (kind) => {
  async function attemptWith(turns: unknown[][], job: object = {}, files: Record<string, string> = FILES): Promise<TestAttempt> {
    const provider = createSandboxProvider(kind, { runtimeFolder, installRoot: INSTALL_ROOT, maskPaths: [] });
    const toolchains = readOnlyToolchains(process.env["PATH"] ?? "");
    const attempt = await TestAttempt.make({
      files,
      provider,
      toolchains,
      job: { backend: "script", backendConfig: { script: { turns } }, stallMs: STALL_MS, ...job },
    });
    attempts.push(attempt);
    return attempt;
  }

  const turnsOf = (attempt: TestAttempt): string[] =>
    attempt.events.flatMap((event) =>
      event.kind === "turn" && event.data.status !== "started" ? [`${event.data.turn} ${event.data.reason} ${event.data.code ?? event.data.status}`] : [],
    );
  const stallsOf = (attempt: TestAttempt): string[] =>
    attempt.events.flatMap((event) => (event.kind === "stalled" ? [`${event.data.turn} ${event.data.next} ${event.data.cpuSeen}`] : []));

  test("one that is nudged goes on in the same workspace; a repair behind it is the next turn", async () => {
    const attempt = await attemptWith([
      [{ shell: "echo 4 > sum" }, { hang: true }],
      [{ readPrompt: "~/nudge" }, { shell: "grep -q 'for a second nothing came' ~/nudge && grep -qx 4 sum && echo 5 > sum" }],
      [{ shell: "grep -qx 5 sum && echo 2 > sum" }],
    ]);
    expect(await runAttempt(await attempt.context())).toMatchObject({ kind: "change" });
    expect(stallsOf(attempt)).toEqual(["1 nudge true"]);
    expect(turnsOf(attempt)).toEqual(["1 task AGENT_STALLED", "2 nudge ended", "3 repair ended"]);
    const used = attempt.events.flatMap((event) => (event.kind === "turn" ? (event.data.prompts ?? []).map(({ name }) => name) : []));
    expect(used).toEqual(["develop-task", "any-nudge", "any-repair"]);
  }, 60_000);

  test("a command that waits for nothing counts as stalled, and is ended", async () => {
    const attempt = await attemptWith([[{ shell: "sleep 600" }], [{ shell: "echo 2 > sum" }]]);
    expect(await runAttempt(await attempt.context())).toMatchObject({ kind: "change" });
    expect(stallsOf(attempt)).toEqual(["1 nudge true"]);
  }, 60_000);

  test("one that stalls again is AGENT_STALLED, and its work is kept", async () => {
    const attempt = await attemptWith([[{ shell: "echo 4 > sum" }, { hang: true }], [{ hang: true }]]);
    await expect(runAttempt(await attempt.context())).rejects.toMatchObject({ code: "AGENT_STALLED", details: { turn: 2, stallMs: STALL_MS } });
    expect(stallsOf(attempt)).toEqual(["1 nudge true", "2 give-up true"]);
    expect(attempt.events.some((event) => event.kind === "notice" && event.data.text.includes("is kept on the hub as"))).toBe(true);
  }, 60_000);

  test("the nudge comes once in an attempt", async () => {
    const attempt = await attemptWith([[{ shell: "echo 4 > sum" }, { hang: true }], [{ print: "ok" }], [{ hang: true }]]);
    await expect(runAttempt(await attempt.context())).rejects.toMatchObject({ code: "AGENT_STALLED" });
    expect(turnsOf(attempt)).toEqual(["1 task AGENT_STALLED", "2 nudge ended", "3 repair AGENT_STALLED"]);
    expect(stallsOf(attempt)).toEqual(["1 nudge true", "3 give-up true"]);
  }, 60_000);

  test("a command that computes without a word is no stall", async () => {
    const compute = "end=$(($(date +%s) + 4)); while [ $(date +%s) -lt $end ]; do i=0; while [ $i -lt 20000 ]; do i=$((i + 1)); done; done; echo 2 > sum";
    const attempt = await attemptWith([[{ shell: compute }]]);
    expect(await runAttempt(await attempt.context())).toMatchObject({ kind: "change" });
    expect(turnsOf(attempt)).toEqual(["1 task ended"]);
    expect(stallsOf(attempt)).toEqual([]);
  }, 60_000);

  test("a read-only job and its nudge", async () => {
    const attempt = await attemptWith([[{ hang: true }], [{ print: "The sum is 3." }]], { readOnly: true });
    expect(await runAttempt(await attempt.context())).toEqual({ kind: "answer" });
    expect(stallsOf(attempt)).toEqual(["1 nudge true"]);
  }, 60_000);

  // What a journal has is the same in each kind.
  const onHost = kind === "none" ? test : undefined;

  onHost?.each([
    { write: "journal turn-1", isWritten: true },
    { write: "journal nudged", isWritten: false },
    { write: "journal nudged", isWritten: true },
    { write: "event turn-1:stalled", isWritten: true },
    { write: "event turn-1-nudge:started", isWritten: true },
  ])(
    "a worker that dies at $write (written: $isWritten) nudges once all the same",
    async (killAt) => {
      const attempt = await attemptWith([
        [{ append: { path: "trace", content: "1" } }, { hang: true }],
        [{ append: { path: "trace", content: "2" } }, { shell: "echo 2 > sum" }],
      ]);
      const first = new Life(killAt);
      await expect(runAttempt(await attempt.context({ life: first }))).rejects.toThrow();
      expect(first.isOver).toBe(true);
      const outcome = await runAttempt(await attempt.context()).catch((error: unknown) => toSlipwayError(error));
      expect(outcome).toMatchObject({ kind: "change" });
      expect(turnsOf(attempt)).toEqual(["1 task AGENT_STALLED", "2 nudge ended"]);
      expect(stallsOf(attempt)).toEqual(["1 nudge true"]);
    },
    60_000,
  );
});
