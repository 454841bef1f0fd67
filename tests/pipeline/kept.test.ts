import { existsSync } from "node:fs";
import { SlipwayError } from "@slipway/protocol/errors";
import type { JobView } from "@slipway/protocol/job";
import type { KeptWork } from "@slipway/protocol/worker-api";
import { afterEach, beforeEach, describe, expect, it, test } from "vitest";
import type { AttemptContext } from "../../apps/worker/src/attempt/context.ts";
import { KEPT_STEP } from "../../apps/worker/src/attempt/report.ts";
import { runAttempt } from "../../apps/worker/src/job/run-attempt.ts";
import { TestAttempt } from "../support/attempt-context.ts";
import { Life } from "../support/mortal-worker.ts";
import { ProcessProvider } from "../support/process-sandbox.ts";
import { git } from "../support/repository.ts";

const CONFIG = "setup:\n  commands: [echo ready]\ngates:\n  - {name: sum, run: grep -qx 2 sum}\nrepairs: 0\nscope: {allow: ['**'], deny: ['docs/**']}\n";
const FILES = { ".slipway.yaml": CONFIG, sum: "3\n", "docs/text.md": "text\n" };
const WORK = "echo 4 > sum; echo new > more";

let attempts: TestAttempt[];
beforeEach(() => {
  attempts = [];
});
afterEach(async () => {
  for (const attempt of attempts) await attempt[Symbol.asyncDispose]();
});

interface Setting {
  readonly attempt: TestAttempt;
  readonly provider: ProcessProvider;
}

async function attemptWith(turns: string[], options: { files?: Record<string, string>; job?: Partial<JobView>; isRemote?: boolean } = {}): Promise<Setting> {
  const provider = new ProcessProvider(turns);
  const { files = {}, ...more } = options;
  const attempt = await TestAttempt.make({ files: { ...FILES, ...files }, provider, ...more });
  attempts.push(attempt);
  return { attempt, provider };
}

/** What the attempt's journal names for its failed outcome; undefined where it names nothing. */
async function keptIn({ journal }: AttemptContext): Promise<KeptWork | null | undefined> {
  return journal.has(KEPT_STEP) ? await journal.step(KEPT_STEP, () => Promise.reject(new Error("it is recorded"))) : undefined;
}

async function onHub(attempt: TestAttempt): Promise<string> {
  return await git(`${attempt.hubRoot}/jobs.git`, "for-each-ref", "--format=%(objectname) %(refname)");
}

function noticesOf(attempt: TestAttempt): string[] {
  return attempt.events.flatMap((event) => (event.kind === "notice" ? [`${event.data.level}: ${event.data.text}`] : []));
}

/** The work is a commit on the base under the attempt's own ref, and the job's people are told of it. */
async function expectKept(attempt: TestAttempt, context: AttemptContext, changed: string): Promise<KeptWork> {
  const kept = await keptIn(context);
  if (!kept) throw new Error(`nothing was kept: ${noticesOf(attempt).join("; ")}`);
  expect(await onHub(attempt)).toBe(`${kept.oid} refs/slipway/jobs/${attempt.job.id}/1`);
  const jobs = `${attempt.hubRoot}/jobs.git`;
  expect(await git(jobs, "rev-parse", `${kept.oid}^`)).toBe(attempt.job.baseOid);
  expect(await git(jobs, "diff", "--name-status", attempt.job.baseOid, kept.oid)).toBe(changed);
  expect(await git(jobs, "log", "-1", "--format=%(trailers:key=Slipway-Job,valueonly)", kept.oid)).toContain(attempt.job.id);
  expect(kept.diffStat.files).toBe(changed.split("\n").length);
  expect(noticesOf(attempt).filter((text) => !text.includes("runs on the base"))).toEqual([
    expect.stringContaining(`kept on the hub as ${kept.oid.slice(0, 12)}`),
  ]);
  return kept;
}

describe("the work of an agent is kept where the attempt fails with", () => {
  it.each([
    { code: "BACKEND_FAILED", turn: `${WORK}; exit 3` },
    { code: "GATES_FAILED", turn: WORK },
    { code: "AGENT_TIMEOUT", turn: `${WORK}; exec sleep 1000`, job: { timeoutMs: 6_000 } },
  ] as const)("$code", async ({ code, turn, ...more }) => {
    const { attempt, provider } = await attemptWith([turn], more);
    const context = await attempt.context();
    await expect(runAttempt(context)).rejects.toMatchObject({ code });
    await expectKept(attempt, context, "A\tmore\nM\tsum");
    // The commit is made when the agent is dead.
    expect(provider.calls.at(-2)).toBe("end");
  });

  it("SCOPE_VIOLATION, as the commit that was refused", async () => {
    const { attempt, provider } = await attemptWith(["echo 2 > sum; echo > docs/text.md"]);
    const context = await attempt.context();
    await expect(runAttempt(context)).rejects.toMatchObject({ code: "SCOPE_VIOLATION", details: { paths: ["docs/text.md"] } });
    await expectKept(attempt, context, "M\tdocs/text.md\nM\tsum");
    expect(provider.calls.filter((call) => call.includes("write-tree"))).toHaveLength(1);
  });

  it("a failure that the server ends it with, in the middle of the turn", async () => {
    const { attempt } = await attemptWith([`${WORK}; touch ../worked; exec sleep 1000`]);
    const stop = new AbortController();
    const context = await attempt.context({ signal: stop.signal, lost: new AbortController().signal });
    const ended = expect(runAttempt(context)).rejects.toMatchObject({ code: "BUDGET_EXCEEDED" });
    await exists(attempt, "worked");
    stop.abort(new SlipwayError("BUDGET_EXCEEDED"));
    await ended;
    await expectKept(attempt, context, "A\tmore\nM\tsum");
  });

  it("RUNNER_LOST", async () => {
    const { attempt, provider } = await attemptWith([`${WORK}; touch ../worked; exec sleep 1000`]);
    const context = await attempt.context();
    const ended = expect(runAttempt(context)).rejects.toMatchObject({ code: "RUNNER_LOST" });
    await exists(attempt, "worked");
    for (const sandbox of provider.sandboxes) await sandbox.lose();
    await ended;
    await expectKept(attempt, context, "A\tmore\nM\tsum");
  });
});

/** Until the agent has made this file beside its workspace. */
async function exists(attempt: TestAttempt, name: string): Promise<void> {
  await expect.poll(() => existsSync(`${attempt.paths.root}/${name}`), { interval: 5, timeout: 20_000 }).toBe(true);
}

describe("nothing is kept, and the failure stands, where", () => {
  it.each(["CANCELLED", "LEASE_LOST", "WORKER_STOPPED"] as const)("the attempt is no longer the worker's: %s", async (code) => {
    const { attempt } = await attemptWith([`${WORK}; touch ../worked; exec sleep 1000`]);
    const lost = new AbortController();
    const context = await attempt.context({ lost: lost.signal });
    const ended = expect(runAttempt(context)).rejects.toMatchObject({ code });
    await exists(attempt, "worked");
    lost.abort(new SlipwayError(code));
    await ended;
    expect([await keptIn(context), await onHub(attempt), noticesOf(attempt)]).toEqual([undefined, "", []]);
  });

  it("the attempt is lost while its work is being kept", async () => {
    const { attempt } = await attemptWith([`${WORK}; exit 3`], { isRemote: true });
    const stall = { service: "git-receive-pack" as const, begun: Promise.withResolvers<void>() };
    attempt.stall = stall;
    const lost = new AbortController();
    const context = await attempt.context({ signal: new AbortController().signal, lost: lost.signal });
    const ended = expect(runAttempt(context)).rejects.toMatchObject({ code: "BACKEND_FAILED" });
    await stall.begun.promise;
    lost.abort(new SlipwayError("LEASE_LOST"));
    await ended;
    expect([await keptIn(context), await onHub(attempt), noticesOf(attempt)]).toEqual([undefined, "", []]);
  });

  it("the agent changed nothing", async () => {
    const { attempt } = await attemptWith(["exit 3"]);
    const context = await attempt.context();
    await expect(runAttempt(context)).rejects.toMatchObject({ code: "BACKEND_FAILED" });
    expect([await keptIn(context), await onHub(attempt), noticesOf(attempt)]).toEqual([null, "", []]);
  });

  it("the agent had no turn: what the setup left is nobody's work", async () => {
    const files = { ".slipway.yaml": "setup:\n  commands: ['echo left > left; exit 7']\n" };
    const { attempt, provider } = await attemptWith([], { files });
    const context = await attempt.context();
    await expect(runAttempt(context)).rejects.toMatchObject({ code: "SETUP_FAILED" });
    expect([await keptIn(context), await onHub(attempt)]).toEqual([undefined, ""]);
    expect(provider.calls.filter((call) => call.includes("write-tree"))).toEqual([]);
  });

  it("the commit cannot be made, and that is told", async () => {
    const { attempt } = await attemptWith([`${WORK}; git init --quiet nested; exit 3`]);
    const context = await attempt.context();
    await expect(runAttempt(context)).rejects.toMatchObject({ code: "BACKEND_FAILED", message: expect.stringContaining("exit code 3") });
    expect([await keptIn(context), await onHub(attempt)]).toEqual([undefined, ""]);
    expect(noticesOf(attempt)).toEqual([expect.stringMatching(/^warning: .*could not be kept: SCOPE_VIOLATION: There is a repository inside/)]);
  });

  it("the hub takes nothing in the time that is set aside", async () => {
    const { attempt } = await attemptWith([`${WORK}; exec sleep 1000`], { isRemote: true, job: { timeoutMs: 4_000 } });
    attempt.stall = { service: "git-receive-pack", begun: Promise.withResolvers() };
    const startedAt = performance.now();
    const context = await attempt.context();
    await expect(runAttempt(context)).rejects.toMatchObject({ code: "AGENT_TIMEOUT" });
    expect(performance.now() - startedAt).toBeLessThan(6_500);
    expect([await keptIn(context), await onHub(attempt)]).toEqual([undefined, ""]);
    expect(noticesOf(attempt)).toEqual([expect.stringMatching(/^warning: .*could not be kept: (ATTEMPT_TIMEOUT|REPOSITORY_UNREACHABLE)/)]);
  });
});

test("a worker that is killed while it keeps the work goes on with that, whichever write it had just made", async () => {
  const writes = await killedAt(undefined);
  const ofKeeping = writes.slice(writes.indexOf("event verdicts-0:phase:ended") + 1);
  expect(ofKeeping).toEqual(["journal kept:commit", "journal kept", "event kept:info"]);
  for (const write of ofKeeping) for (const isWritten of [true, false]) await killedAt({ write, isWritten });
}, 120_000);

/** An attempt that fails by its gate, where asked for with a worker that is killed meanwhile and started again; the writes of its last life. */
async function killedAt(killAt: { write: string; isWritten: boolean } | undefined): Promise<readonly string[]> {
  const { attempt, provider } = await attemptWith([`echo once >> more; ${WORK.replace("> more", ">> more")}`]);
  if (killAt) {
    const first = new Life(killAt);
    await expect(runAttempt(await attempt.context({ life: first }))).rejects.toThrow();
    expect(first.isOver, `${killAt.write} came`).toBe(true);
  }
  const life = new Life();
  const context = await attempt.context({ life });
  await expect(runAttempt(context)).rejects.toMatchObject({ code: "GATES_FAILED", details: { gates: [{ name: "sum" }] } });
  const kept = await expectKept(attempt, context, "A\tmore\nM\tsum");
  expect(await git(`${attempt.hubRoot}/jobs.git`, "show", `${kept.oid}:more`)).toBe("once\nnew");
  expect(provider.calls.filter((call) => call.startsWith("turn-"))).toEqual(["turn-1"]);
  // Only a commit that was not written down is made again.
  const isRemade = killAt?.write === "journal kept:commit" && !killAt.isWritten;
  expect(provider.calls.filter((call) => call.includes("write-tree"))).toHaveLength(isRemade ? 2 : 1);
  return life.writes;
}

describe("of several changes of an attempt the one with the fewest findings is kept, the latest among equals:", () => {
  const files = {
    ".slipway.yaml": "gates:\n  - {name: sum, run: grep -qx 2 sum}\nrepairs: 2\nscope: {allow: ['**'], deny: ['docs/**']}\n",
  };
  const STRAYS = (names: string) => `echo 2 > sum; for name in ${names}; do echo x > docs/$name; done`;

  it("the first, where the repair made it worse", async () => {
    const { attempt } = await attemptWith([STRAYS("a"), STRAYS("b c"), STRAYS("d e")], { files });
    const context = await attempt.context();
    await expect(runAttempt(context)).rejects.toMatchObject({ code: "SCOPE_VIOLATION" });
    const kept = await expectKept(attempt, context, "A\tdocs/a\nM\tsum");
    expect(kept).toMatchObject({
      why: "change 1 of 3: 1 finding, the fewest",
      red: [{ by: "check", name: "scope", findings: [expect.stringContaining("docs/a")] }],
    });
    expect(noticesOf(attempt)[0]).toContain("change 1 of 3: 1 finding, the fewest");
  });

  it("the latest of two that are as good", async () => {
    const { attempt } = await attemptWith([STRAYS("a b"), "rm docs/a", "mv docs/b docs/c"], { files });
    const context = await attempt.context();
    await expect(runAttempt(context)).rejects.toMatchObject({ code: "SCOPE_VIOLATION" });
    expect(await expectKept(attempt, context, "A\tdocs/c\nM\tsum")).toMatchObject({ why: "change 3 of 3: 1 finding, as others have, and the latest of them" });
  });

  it("a red gate counts as one finding, and what the checks say of those files is known too", async () => {
    const { attempt } = await attemptWith([STRAYS("a b"), "rm docs/a docs/b; echo 3 > sum; echo x > more", "echo 4 > sum"], { files });
    const context = await attempt.context();
    await expect(runAttempt(context)).rejects.toMatchObject({ code: "GATES_FAILED" });
    expect(await expectKept(attempt, context, "A\tmore\nM\tsum")).toMatchObject({
      why: "change 2 of 2: 1 finding, the fewest",
      red: [{ by: "gate", name: "sum", findings: ["exit code 1"] }],
    });
  });

  it("not the files of a turn that was cut off, by a budget for one", async () => {
    const { attempt } = await attemptWith([STRAYS("a"), "rm docs/a; touch ../worked; exec sleep 1000"], { files });
    const stop = new AbortController();
    const context = await attempt.context({ signal: stop.signal, lost: new AbortController().signal });
    const ended = expect(runAttempt(context)).rejects.toMatchObject({ code: "BUDGET_EXCEEDED" });
    await exists(attempt, "worked");
    stop.abort(new SlipwayError("BUDGET_EXCEEDED"));
    await ended;
    expect(await expectKept(attempt, context, "A\tdocs/a\nM\tsum")).toMatchObject({ why: "change 1 of 2: 1 finding, the fewest" });
  });
});
