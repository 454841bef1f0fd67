import { readFile } from "node:fs/promises";
import { CHECK_NAMES } from "@slipway/protocol/checks";
import { SlipwayError } from "@slipway/protocol/errors";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { runAttempt } from "../../apps/worker/src/job/run-attempt.ts";
import type { MemoryEvidence, Sandbox } from "../../apps/worker/src/sandbox/sandbox.ts";
import { TestAttempt } from "../support/attempt-context.ts";
import { ProcessProvider } from "../support/process-sandbox.ts";
import { git } from "../support/repository.ts";

/** The gate passes when the sum is right, and says what is wrong otherwise. */
const CONFIG = `
setup:
  commands: ["echo preparing > cache", "echo ready"]
gates:
  - name: sum
    run: 'echo "1 + 1 = $(cat sum)"; grep -qx 2 sum'
`;
const FILES = { ".slipway.yaml": CONFIG, ".gitignore": "cache\n", sum: "3\n", "docs/a b ü.md": "text\n" };

let attempts: TestAttempt[];
beforeEach(() => {
  attempts = [];
});
afterEach(async () => {
  for (const attempt of attempts) await attempt[Symbol.asyncDispose]();
});

async function attemptWith(
  turns: string[],
  files: Record<string, string> = {},
  job: object = {},
): Promise<{ attempt: TestAttempt; provider: ProcessProvider }> {
  const provider = new ProcessProvider(turns);
  const attempt = await TestAttempt.make({ files: { ...FILES, ...files }, provider, job });
  attempts.push(attempt);
  return { attempt, provider };
}

async function failureOf(attempt: TestAttempt, signal?: AbortSignal): Promise<unknown> {
  return await runAttempt(await attempt.context(signal ? { signal } : {})).then(
    (outcome) => Promise.reject(new Error(`the attempt ended well: ${JSON.stringify(outcome)}`)),
    (error: unknown) => error,
  );
}

function summary(attempt: TestAttempt): string[] {
  return attempt.events.flatMap((event) => {
    if (event.kind === "phase") return [`${event.data.phase} ${event.data.status}`];
    if (event.kind === "gate") return [`gate ${event.data.name} ${event.data.round} ${event.data.status}`];
    if (event.kind === "turn") return [`turn ${event.data.turn} ${event.data.reason} ${event.data.status}`];
    if (event.kind === "check") return [`check ${event.data.name} ${event.data.passed}`];
    return [];
  });
}

describe("a task", () => {
  it("names in its commit whom the repository's base says, whatever the agent writes there", async () => {
    const config = `${FILES[".slipway.yaml"]}landing: {author: agent, coAuthors: ["Ana <ana@ship.example>", "slipway", "submitter"]}\n`;
    const { attempt } = await attemptWith(
      ["echo 2 > sum; echo 'landing: {author: \"Eve <eve@evil.example>\"}' >> .slipway.yaml"],
      { ".slipway.yaml": config },
      { allowChecks: ["guarded"], submitter: { name: "Bea", email: "bea@ship.example" } },
    );
    const outcome = await runAttempt(await attempt.context());
    if (outcome.kind !== "change") throw new Error(JSON.stringify(outcome));
    const said = await git(
      `${attempt.hubRoot}/jobs.git`,
      "log",
      "-1",
      "--format=%an <%ae>|%cn <%ce>|%(trailers:key=Co-authored-by,valueonly,separator=%x2C)",
      outcome.oid,
    );
    expect(said).toBe(
      "script <script@slipway.localhost>|Slipway <slipway@localhost>|Ana <ana@ship.example>,Slipway <slipway@localhost>,Bea <bea@ship.example>",
    );
  });

  it("goes from the base to a pushed commit with its trailers", async () => {
    const { attempt, provider } = await attemptWith(["echo 2 > sum; echo new > 'docs/née w.md'"]);
    const outcome = await runAttempt(await attempt.context());
    expect(outcome).toMatchObject({ kind: "change", diffStat: { files: 2 } });
    if (outcome.kind !== "change") return;
    const jobs = `${attempt.hubRoot}/jobs.git`;
    expect(await git(jobs, "rev-parse", `refs/slipway/jobs/${attempt.job.id}/1`)).toBe(outcome.oid);
    expect(await git(jobs, "-c", "core.quotePath=false", "diff", "--name-status", attempt.job.baseOid, outcome.oid)).toBe("A\tdocs/née w.md\nM\tsum");
    expect(await git(jobs, "log", "-1", "--format=%an <%ae>%n%B", outcome.oid)).toBe(
      `Slipway <slipway@localhost>\nMend the sum\n\nIt is wrong.\n\nSlipway-Job: ${attempt.job.id}\nSlipway-Attempt: 1\nSlipway-Backend: script`,
    );
    expect(summary(attempt)).toEqual([
      ...["prepare started", "prepare ended", "setup started", "setup ended"],
      ...["turn started", "turn 1 task started", "turn 1 task ended", "turn ended"],
      ...["gates started", "gate sum 0 started", "gate sum 0 passed", "gates ended"],
      ...[
        "commit started",
        "commit ended",
        "checks started",
        ...["change", "scope", ...CHECK_NAMES.filter((name) => name !== "proof" && name !== "coverage")].map((name) => `check ${name} true`),
        "checks ended",
        "push started",
        "push ended",
      ],
    ]);
    const parts = attempt.events.flatMap((event) =>
      event.kind === "phase" && event.data.status === "ended" ? [[event.data.phase, Object.keys(event.data.partsMs ?? {}).sort(), event.data.durationMs]] : [],
    );
    expect(parts).toEqual([
      ["prepare", ["fetch", "open", "sandbox", "stores", "workspace"], expect.any(Number)],
      ["setup", [], expect.any(Number)],
      ["turn", ["runner"], expect.any(Number)],
      ["gates", ["commands"], expect.any(Number)],
      ["commit", ["end", "folder", "script", "take"], expect.any(Number)],
      ["checks", [], expect.any(Number)],
      ["push", [], expect.any(Number)],
    ]);
    expect(attempt.logs.get("gate:sum")).toBe("1 + 1 = 2\n");
    expect(attempt.artifacts.get("gate-sum-0.log")?.toString()).toBe("1 + 1 = 2\n");
    expect(attempt.artifacts.get("setup.log")?.toString()).toBe("$ echo preparing > cache\n$ echo ready\nready\n");
    expect(provider.calls.indexOf("end")).toBe(provider.calls.length - 2);
  });

  it("hands a red gate's output to the next turn of the same session", async () => {
    const { attempt } = await attemptWith(["echo 4 > sum", 'test "$SLIPWAY_JOB" && printf "%s" "$PROMPT" > "$HOME/prompt" && echo 2 > sum']);
    expect(await runAttempt(await attempt.context())).toMatchObject({ kind: "change" });
    expect(summary(attempt).filter((line) => /^(gate|turn \d)/.test(line))).toEqual([
      ...["turn 1 task started", "turn 1 task ended", "gates started", "gate sum 0 started", "gate sum 0 failed", "gates ended"],
      ...["turn 2 repair started", "turn 2 repair ended", "gates started", "gate sum 1 started", "gate sum 1 passed", "gates ended"],
    ]);
    expect(await readFile(`${attempt.paths.home}/prompt`, "utf8")).toContain("1 + 1 = 4");
    expect([...attempt.artifacts.keys()]).toEqual(["setup.log", "gate-sum-0.log", "base-setup.log", "base-sum.log", "gate-sum-1.log"]);
  });

  it("asks as the repository's own prompts say", async () => {
    const prompts = "prompts: {task: 'Read STYLE.md. {{task}}', repair: 'Think first. {{failures}} Then mend.'}\n";
    const keep = 'printf "%s" "$PROMPT" >> "$HOME/prompts"';
    const { attempt } = await attemptWith([`${keep}; echo 4 > sum`, `${keep}; echo 2 > sum`], { ".slipway.yaml": `${CONFIG}${prompts}` });
    expect(await runAttempt(await attempt.context())).toMatchObject({ kind: "change" });
    const asked = await readFile(`${attempt.paths.home}/prompts`, "utf8");
    expect(asked).toMatch(/^Read STYLE\.md\. \S[\s\S]*Think first\. ## Gate "sum" failed[\s\S]*1 \+ 1 = 4[\s\S]* Then mend\.$/);
  });

  it("stops when a repair leaves the very same failure", async () => {
    const { attempt } = await attemptWith(["echo 4 > sum", "true", "echo 2 > sum"]);
    expect(await failureOf(attempt)).toMatchObject({
      code: "GATES_FAILED",
      details: { repairs: 1, gates: [{ name: "sum", exitCode: 1, excerpt: "1 + 1 = 4" }] },
    });
    expect(summary(attempt)).not.toContain("turn 3 repair started");
  });

  it("stops when the same failure comes twice in a row, whatever the repair did to the files", async () => {
    const config = "gates:\n  - {name: sum, run: 'echo \"pid $$ in /tmp/x$$, 1 + 1 = $(cat sum) ($(date +%N) ms)\"; exit 1'}\n";
    const { attempt } = await attemptWith(["echo 4 > sum", "echo edited > other; echo more >> 'docs/a b ü.md'", "echo 2 > sum"], { ".slipway.yaml": config });
    expect(await failureOf(attempt)).toMatchObject({ code: "GATES_FAILED", details: { repairs: 1, reason: "the repair left the very same failure" } });
  });

  it("stops when a repair changes no file, though the failure is another one; what git ignores is none", async () => {
    // It is green on the base, and each run on the change fails by another word.
    const gate = "test -e edited || exit 0; mkdir -p .runs; n=$(ls .runs | wc -l); touch .runs/$n; echo $n | tr 0-9 a-j; exit 1";
    const files = { ".slipway.yaml": `gates:\n  - {name: odd, run: '${gate}'}\n`, ".gitignore": ".runs\n" };
    const { attempt } = await attemptWith(["touch edited", "touch .runs/note", "echo 5 > sum"], files);
    expect(await failureOf(attempt)).toMatchObject({ code: "GATES_FAILED", details: { repairs: 1, reason: "the repair changed nothing" } });
    expect(summary(attempt)).not.toContain("turn 3 repair started");
  });

  it("goes on while the failures differ, up to three repairs; a failure that comes back later is not the same twice", async () => {
    const { attempt } = await attemptWith(["echo 4 > sum", "echo 5 > sum", "echo 4 > sum", "echo 6 > sum", "echo 2 > sum"]);
    expect(await failureOf(attempt)).toMatchObject({ code: "GATES_FAILED", details: { repairs: 3, reason: "3 repairs were tried" } });
    expect(summary(attempt)).toContain("turn 4 repair ended");
    expect(summary(attempt)).not.toContain("turn 5 repair started");
  });

  it("stops after the repairs that the repository allows", async () => {
    const { attempt } = await attemptWith(["echo 4 > sum", "echo 5 > sum", "echo 6 > sum"], { ".slipway.yaml": `${CONFIG}repairs: 1\n` });
    expect(await failureOf(attempt)).toMatchObject({ code: "GATES_FAILED", details: { repairs: 1, reason: "1 repair was tried" } });
  });

  it("counts a gate that runs out of time as failed, and kills it", async () => {
    const config = "gates:\n  - {name: slow, run: 'test -e fast || sleep 1000', timeoutSeconds: 0.2}\n";
    const { attempt } = await attemptWith(["echo 2 > sum", "touch fast"], { ".slipway.yaml": config });
    expect(await runAttempt(await attempt.context())).toMatchObject({ kind: "change" });
    expect(summary(attempt)).toContain("gate slow 0 timed-out");
    expect(summary(attempt)).toContain("gate slow 1 passed");
  });

  it("names the setup command that failed, with its last lines and the whole output", async () => {
    const { attempt, provider } = await attemptWith([], {
      ".slipway.yaml": "setup:\n  commands: [echo first, 'echo no such package >&2; exit 7', echo third]\n",
    });
    expect(await failureOf(attempt)).toMatchObject({
      code: "SETUP_FAILED",
      details: { command: "echo no such package >&2; exit 7", exitCode: 7, lastLines: "no such package", artifact: "setup.log" },
    });
    expect(attempt.artifacts.get("setup.log")?.toString()).toContain("first\n");
    expect(summary(attempt)).toEqual(["prepare started", "prepare ended", "setup started", "setup failed"]);
    expect(provider.calls).not.toContain("turn-1");
    expect(provider.calls).toContain("end");
  });

  it("warns of what the setup leaves in the change", async () => {
    const { attempt } = await attemptWith(["echo 2 > sum"], { ".slipway.yaml": "setup:\n  commands: ['echo x > left.txt; echo y >> .gitignore']\n" });
    await runAttempt(await attempt.context());
    const notices = attempt.events.flatMap((event) => (event.kind === "notice" ? [event.data.text] : []));
    expect(notices).toEqual([expect.stringContaining("changed files that are tracked"), expect.stringContaining("left.txt")]);
  });

  it("refuses what is out of scope and names it", async () => {
    const scope = "scope:\n  allow: ['**']\n  deny: ['docs/**', .slipway.yaml]\n";
    const { attempt } = await attemptWith(["echo 2 > sum; rm docs/*; echo > .slipway.yaml"], { ".slipway.yaml": `${CONFIG}${scope}` });
    expect(await failureOf(attempt)).toMatchObject({ code: "SCOPE_VIOLATION", details: { paths: [".slipway.yaml", "docs/a b ü.md"], pathCount: 2 } });
    expect(attempt.events).toContainEqual({
      kind: "check",
      data: { name: "scope", passed: false, findings: [".slipway.yaml: The job may not touch this path.", "docs/a b ü.md: The job may not touch this path."] },
    });
  });

  it("ends in NO_CHANGE where the agent changed nothing", async () => {
    const { attempt } = await attemptWith(["cat sum"], { sum: "2\n" });
    expect(await failureOf(attempt)).toMatchObject({ code: "NO_CHANGE" });
    expect(attempt.events).toContainEqual({ kind: "check", data: { name: "change", passed: false, findings: ["The agent changed nothing."] } });
  });

  it("passes on the agent's own failure", async () => {
    const { attempt } = await attemptWith(["exit 3"]);
    expect(await failureOf(attempt)).toMatchObject({ code: "BACKEND_FAILED" });
    expect(summary(attempt).slice(-2)).toEqual(["turn 1 task failed", "turn failed"]);
  });

  it.each([
    { how: "was killed in this turn", kills: [1, 2], code: "OUT_OF_MEMORY" },
    { how: "failed by itself, after a kill in an earlier one", kills: [1, 1], code: "BACKEND_FAILED" },
  ])("ends with $code where the agent $how", async ({ kills, code }) => {
    const { attempt } = await attemptWith(["exit 3"]);
    const context = await attempt.context();
    const seen = kills.map((count): MemoryEvidence => ({ kills: count, of: "sandbox", limitBytes: 268_435_456 }));
    const agentSandbox = async (readOnly: readonly string[]): Promise<Sandbox> =>
      Object.assign(await context.agentSandbox(readOnly), { memoryEvidence: () => seen.shift() ?? null });
    await expect(runAttempt({ ...context, agentSandbox })).rejects.toMatchObject({ code });
    expect(attempt.events).toContainEqual({ kind: "turn", data: { turn: 1, reason: "task", status: "failed", code } });
  });

  it("reads its configuration from the base, not from the agent's version", async () => {
    const { attempt } = await attemptWith(["echo 4 > sum; echo 'gates: []' > .slipway.yaml"], { ".slipway.yaml": `${CONFIG}repairs: 0\n` });
    expect(await failureOf(attempt)).toMatchObject({ code: "GATES_FAILED" });
  });

  it("says where a configuration is wrong", async () => {
    const { attempt } = await attemptWith([], { ".slipway.yaml": "gates:\n  - name: a\n    runs: x\n" });
    expect(await failureOf(attempt)).toMatchObject({ code: "INVALID_CONFIG", details: { file: ".slipway.yaml" } });
  });

  it("ends at once with the reason of its signal", async () => {
    const { attempt, provider } = await attemptWith(["sleep 1000"]);
    const controller = new AbortController();
    const context = await attempt.context({ signal: controller.signal });
    const emit = context.events.emitOnce;
    context.events.emitOnce = async (key, event) => {
      await emit(key, event);
      if (event.kind === "turn") setImmediate(() => controller.abort(new SlipwayError("CANCELLED")));
    };
    await expect(runAttempt(context)).rejects.toMatchObject({ code: "CANCELLED" });
    expect(provider.calls.at(-1)).toBe("end");
  });

  it.each([false, true])(
    "keeps time for gates and commit: a turn without an end is AGENT_TIMEOUT long before the attempt's end (deaf runner: %s)",
    async (isDeaf) => {
      const { attempt, provider } = await attemptWith(["sleep 1000"], {}, { timeoutMs: 2_000 });
      provider.isDeaf = isDeaf;
      const startedAt = performance.now();
      const message = expect.stringMatching(/in its share of the attempt's 2 s/);
      expect(await failureOf(attempt)).toMatchObject({ code: "AGENT_TIMEOUT", message, details: { timeoutMs: 2_000 } });
      expect(performance.now() - startedAt).toBeLessThan(1_900);
      // Nothing but the commit of what there was comes after the agent's end.
      expect(provider.calls.filter((call) => !call.includes("write-tree")).at(-1)).toBe("end");
    },
  );
});
