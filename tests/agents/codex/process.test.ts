import { readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { residents } from "@slipway/backend-codex/app-server/codex-server";
import { codexBackend } from "@slipway/backend-codex/backend";
import { processTable } from "@slipway/process/process-table";
import { expect, test } from "vitest";
import { type CodexBench, eventsOf, named, openBench, outcomeOf, TOKEN } from "./bench.ts";

/** The one process of Codex that takes many turns, by the real CLI. */

const LABEL = "SLIPWAY_SANDBOX";

async function startAhead({ home, workspace }: CodexBench, env: Record<string, string> = {}): Promise<void> {
  await codexBackend.startAhead?.({
    ...{ config: codexBackend.config.parse({}), home, workspace, signal: AbortSignal.timeout(20_000) },
    env: { PATH: process.env["PATH"] ?? "", HOME: home, ...env },
  });
}

/** Processes of Codex with this label. */
function codexPids(label: string): number[] {
  const labelled = processTable()
    .list(`${LABEL}=${label}`)
    .filter(({ isLabelled }) => isLabelled);
  return labelled.map(({ pid }) => pid).filter((pid) => readFileSync(`/proc/${pid}/cmdline`, "utf8").includes("app-server"));
}

test("one that was started ahead takes the turns of a job that has other settings, and its commands know the job", async () => {
  const step = { text: "I look.", shell: 'echo "job $SLIPWAY_JOB at $PWD" > seen.txt' };
  await using bench = await openBench({ turns: [{ steps: [step, { text: "Done." }] }] });
  const label = `ahead-${process.pid}`;
  await startAhead(bench, { [LABEL]: label });
  const before = codexPids(label);
  const options = { config: { model: "gpt-5.5", provider: "other-vendor" }, env: { [LABEL]: label, SLIPWAY_JOB: "job-1" } };
  for (const turn of [1, 2]) expect((await bench.run({ ...options, turn })).result).toEqual({ status: "done", finalText: "Done." });
  expect(await readFile(join(bench.workspace, "seen.txt"), "utf8")).toBe(`job job-1 at ${bench.workspace}\n`);
  expect([before.length, codexPids(label)]).toEqual([1, before]);
  expect(new Set(bench.server.requests.modelCalls().map(({ path }) => path))).toEqual(new Set(["/other-vendor/v1/responses"]));
  // Neither in what it was started with nor in what it has written.
  for (const file of ["cmdline", "environ"]) expect(readFileSync(`/proc/${before[0]}/${file}`, "utf8")).not.toContain(TOKEN);
});

test("after the process was killed another one goes on with the thread; usage is that of the turn", async () => {
  await using bench = await openBench(named("text"));
  const label = `killed-${process.pid}`;
  const env = { [LABEL]: label };
  expect(outcomeOf(await bench.run({ prompt: "First words.", env }))).toBe("done");
  for (const pid of codexPids(label)) process.kill(pid, "SIGKILL");
  const second = await bench.run({ prompt: "Go on.", turn: 2, env });
  expect([outcomeOf(second), eventsOf(second, "notice")]).toEqual(["done", []]);
  expect(eventsOf(second, "usage")).toEqual([{ inputTokens: 1_000, cachedInputTokens: 200, outputTokens: 50, reasoningTokens: 10, costUsd: 0 }]);
  expect(bench.server.requests.modelCalls().at(-1)?.model?.text).toContain("First words.");
});

test("a message in the middle of a turn reaches the model with the next result; one after its last answer has the turn go on", async () => {
  await using bench = await openBench(({ text, step }) => {
    if (text.includes("Use blue.")) return { text: "Blue it is." };
    return step === 0 ? { text: "I wait.", shell: "read -t 1 < <(sleep 2); echo waited" } : { text: "Done." };
  });
  const told = Promise.withResolvers<void>();
  async function* messages() {
    await told.promise;
    yield "Use blue.";
  }
  const record = await bench.run({ steering: messages(), onEvent: (event) => void (event.kind === "tool-call" && told.resolve()) });
  expect([record.result, eventsOf(record, "notice")]).toEqual([{ status: "done", finalText: "Blue it is." }, []]);

  // Said while the model gives its last answer.
  const asked = Promise.withResolvers<void>();
  async function* lateMessages() {
    await asked.promise;
    yield "Use blue.";
  }
  bench.server.play(({ text }) => {
    asked.resolve();
    return text.includes("Use blue.") ? { text: "Blue again." } : { text: "Done.", headersDelayMs: 300 };
  });
  const late = await bench.run({ steering: lateMessages() });
  expect([late.result, eventsOf(late, "notice")]).toEqual([{ status: "done", finalText: "Blue again." }, []]);
});

test.each([
  ["allow", true, true],
  ["edits", false, true],
  ["deny", false, false],
] as const)("by the policy %s a command that writes and a patch are answered", async (permissions, hasRun, hasPatched) => {
  const patch = "*** Begin Patch\n*** Add File: patched.txt\n+hello\n*** End Patch\n";
  await using bench = await openBench({
    turns: [{ steps: [{ shell: "cat README.md" }, { shell: "echo 1 > run.txt" }, { shell: `apply_patch <<'P'\n${patch}P\n` }, { text: "Done." }] }],
  });
  const record = await bench.run({ permissions, config: { model: "gpt-5.5" } });
  expect(outcomeOf(record)).toBe("done");
  const exists = async (name: string): Promise<boolean> => (await readFile(join(bench.workspace, name)).catch(() => undefined)) !== undefined;
  expect([await exists("run.txt"), await exists("patched.txt")]).toEqual([hasRun, hasPatched]);
  const asked = eventsOf(record, "permission").map(({ asked: kind, answer }) => [kind, answer]);
  const answer = (isAllowed: boolean) => (isAllowed ? "allowed" : "denied");
  expect(asked).toEqual(
    permissions === "allow"
      ? []
      : [
          ["execute", answer(hasRun)],
          ["edit", answer(hasPatched)],
        ],
  );
  // What only reads is not asked for.
  expect(eventsOf(record, "tool-result")[0]?.output).toContain("# demo");
});

test("commands that the model leaves running end with its turn, and the process stays", async () => {
  const shell = "echo begun; sleep 4711";
  // Codex gives the model its word after this long.
  await using bench = await openBench(({ tools, step }) => {
    const exec = tools.find(({ name }) => name === "exec_command");
    if (step > 0 || !exec) return { text: "Done." };
    return { calls: [{ tool: "exec_command", input: { cmd: shell, yield_time_ms: 300 } }] };
  });
  const label = `left-${process.pid}`;
  expect(outcomeOf(await bench.run({ config: { model: "gpt-5.5" }, env: { [LABEL]: label } }))).toBe("done");
  const left = processTable()
    .list(`${LABEL}=${label}`)
    .filter(({ isLabelled }) => isLabelled);
  expect(left.map(({ pid }) => pid)).toEqual(codexPids(label));
  expect(codexPids(label)).toHaveLength(1);
  await residents.endAll();
  expect(codexPids(label)).toEqual([]);
});
