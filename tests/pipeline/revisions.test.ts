import { probeBubblewrap } from "@slipway/cli/stack/sandbox-probe";
import type { Client } from "@slipway/protocol/client";
import type { JobEvent } from "@slipway/protocol/events";
import type { JobDetail, SubmitJobInput } from "@slipway/protocol/job";
import { isFinal } from "@slipway/protocol/states";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { allEvents, ended, submitScript } from "../support/jobs.ts";
import { makeRepository, type TestRepository } from "../support/repository.ts";
import { Stack } from "../support/stack.ts";

/** Server, worker, runner, integrator and the script backend, all real: a change that does not fit onto its target goes back to its agent. */

const CONFIG = "gates:\n  - {name: sum, run: 'test ! -e broken'}\n";

let stack: Stack;
let client: Client;
const repositories: TestRepository[] = [];
beforeAll(async () => {
  const sandbox = (await probeBubblewrap()).ok ? "bwrap" : "none";
  stack = await Stack.start({ sandbox, slots: 2 });
  client = await stack.client();
}, 60_000);
afterAll(async () => {
  await stack?.[Symbol.asyncDispose]();
  for (const repository of repositories) await repository[Symbol.asyncDispose]();
});

/** A repository, and its first commit, which jobs start from though others land meanwhile. */
async function register(name: string, files: Record<string, string>): Promise<string> {
  const repository = await makeRepository(files);
  repositories.push(repository);
  await repository.register(client, name);
  return await repository.head();
}

const write = (path: string, content: string) => ({ write: { path, content } });

async function run(repo: string, turns: unknown[][], more: Partial<SubmitJobInput>): Promise<{ id: string; detail: JobDetail; events: JobEvent[] }> {
  const id = await submitScript(client, repo, turns, { target: "main", ...more });
  return { id, detail: await ended(client, id), events: await allEvents(client, id) };
}

function movesOf(events: readonly JobEvent[]): string[] {
  return events.flatMap((event) => (event.kind === "state" ? [event.data.on] : []));
}

function turnsOf(events: readonly JobEvent[]): string[] {
  return events.flatMap((event) =>
    event.kind === "turn" && event.data.status === "started" ? [`${event.data.reason}: ${event.data.prompts?.map(({ name }) => name)}`] : [],
  );
}

test("a conflict goes back to the agent with both sides, and what it makes of it lands on top of both", async () => {
  const base = await register("both", { ".slipway.yaml": CONFIG, a: "one\ntwo\nthree\n", free: "1\n" });
  const first = await run("both", [[write("a", "one\n2\nthree\n")]], { base, title: "Digits", task: "Write digits" });
  expect(first.detail.job.state).toBe("done");
  const resolve = [
    write("seen", "{{turn}}\n{{prompt}}"),
    { shell: "grep -q '^<<<<<<< main$' a && grep -q '^>>>>>>> your change$' a && test -e mine && sed 's/^/was /' a >was" },
    write("a", "one\n2 zwei\nthree\n"),
  ];
  const { id, detail, events } = await run("both", [[write("a", "one\nzwei\nthree\n"), write("mine", "m\n")], resolve], { base, task: "Write German" });
  const { job } = detail;
  expect(job, JSON.stringify(job.failure)).toMatchObject({
    state: "done",
    attempts: 1,
    fence: 2,
    baseOid: first.detail.job.landedOid,
    revision: {
      number: 1,
      of: 2,
      cause: "conflict",
      baseOid: base,
      targetOid: first.detail.job.landedOid,
      fence: 1,
      paths: ["a"],
      others: [{ subject: "Digits", job: { number: first.detail.job.number, title: "Digits", task: "Write digits" } }],
    },
  });
  expect(detail.attempts.map(({ outcome }) => outcome)).toEqual(["change", "change"]);
  expect(movesOf(events)).toEqual(["submit", "claim", "finish-change", "revise", "claim", "finish-change", "land"]);
  const revised = events.find((event) => event.kind === "state" && event.data.on === "revise");
  expect(revised?.data).toMatchObject({ code: "MERGE_CONFLICT", reason: `revision 1 of 2: conflicts with job ${first.detail.job.number} in a` });
  expect(turnsOf(events)).toEqual(["task: develop-task", "revision: any-revision"]);
  const patch = await client.diff(id);
  // The session went on: for its backend it was the second turn.
  for (const text of [
    "+2\n+Your change passed the checks",
    "+This is revision 1 of 2.",
    "+- `a`: both changed the same lines",
    `+- job ${first.detail.job.number} (`,
    "Digits: Write digits",
    "+Write German",
    "+was ||||||| before both",
    "+was zwei",
    "+++ b/mine",
    "-2\n+2 zwei",
  ])
    expect(patch).toContain(text);
}, 90_000);

/** Resolves when the agent is in a turn that revises its change. */
async function revising(job: string): Promise<void> {
  for await (const frame of client.follow(job)) {
    const event = frame.type === "event" ? frame.event : undefined;
    if (event?.kind === "tool-call" && event.data.name === "waitForMessage") return;
  }
  throw new Error("the job ended before it was revised");
}

test("an agent that cannot settle it fails with the conflict after the last revision, and its work is kept", async () => {
  const base = await register("never", { ".slipway.yaml": `${CONFIG}landing: {revisions: 1}\n`, a: "one\n" });
  await run("never", [[write("a", "first\n")]], { base });
  const id = await submitScript(client, "never", [[write("a", "mine\n")], [{ waitForMessage: true }, write("a", "mine and first\n")]], {
    base,
    target: "main",
  });
  await revising(id);
  expect((await client.call("explainJob", { params: { job: id } })).reason).toContain("This is revision 1 of 1: conflicts with job");
  // Meanwhile somebody else is quicker on the same line.
  expect((await run("never", [[write("a", "second\n")]], {})).detail.job.state).toBe("done");
  await client.call("steerJob", { params: { job: id }, body: { text: "go" } });
  const { job } = await ended(client, id);
  expect(job).toMatchObject({ state: "failed", failure: { code: "MERGE_CONFLICT", details: { paths: ["a"] } } });
  expect(job.failure?.message).toContain("No revision is left: 1 of 1 was made.");
  const patch = await client.diff(id);
  expect(patch).toContain("-first\n+mine and first");
}, 90_000);

/** At most two items, which two jobs with one each keep alone and not together. */
const FEW = "gates:\n  - {name: few, run: 'test $(ls items | wc -l) -le 2 || { echo too many items; exit 3; }'}\n";

test("a merge without a conflict that turns a gate red goes back with what the gate said, and lands when it is mended", async () => {
  const base = await register("few", { ".slipway.yaml": FEW, "items/one": "1\n" });
  const first = await run("few", [[write("items/two", "2\n")]], { base, title: "Two" });
  expect(first.detail.job.state).toBe("done");
  const mend = [{ shell: "test -e items/two && test -e items/three && rm items/three" }, write("items/two", "2 and 3\n"), write("seen", "{{prompt}}")];
  const { id, detail, events } = await run("few", [[write("items/three", "3\n")], mend], { base });
  const { job, receipts } = detail;
  expect(job, JSON.stringify(job.failure)).toMatchObject({
    state: "done",
    revision: {
      cause: "gates",
      paths: [],
      others: [{ subject: "Two" }],
      gates: [{ name: "few", exitCode: 3, excerpt: expect.stringContaining("too many items") }],
    },
  });
  expect(movesOf(events)).toContain("revise");
  // Of the tree that landed, and not of the one that was refused.
  expect(receipts).toMatchObject([{ gate: "few", exitCode: 0 }]);
  const patch = await client.diff(id);
  for (const text of [
    "+## It merges with what landed on `main` since, and then gates fail",
    '+## Gate "few" failed',
    "+too many items",
    "ended with exit code 3",
  ])
    expect(patch).toContain(text);
}, 90_000);

test("where nothing landed meanwhile a red gate is the change's own, and fails the job at once", async () => {
  const config = "gates:\n  - {name: clean, run: 'test -e made || test ! -e wanted'}\n";
  await register("own", { ".slipway.yaml": config, ".gitignore": "made\n", a: "1\n" });
  const { detail, events } = await run("own", [[write("wanted", "w\n"), write("made", "here alone\n")]], {});
  expect(detail.job).toMatchObject({ state: "failed", failure: { code: "GATES_FAILED" }, revision: null });
  expect(movesOf(events)).not.toContain("revise");
}, 90_000);

test("settling a conflict by dropping the other side is told, though it lands", async () => {
  const base = await register("undone", { ".slipway.yaml": CONFIG, a: "one\n" });
  await run("undone", [[write("a", "first\n")]], { base });
  const { detail, events } = await run("undone", [[write("a", "mine\n")], [write("a", "mine\n")]], { base });
  expect(detail.job.state).toBe("done");
  const found = events.flatMap((event) => (event.kind === "check" && event.data.name === "revision" ? [event.data] : []));
  expect(found).toEqual([
    {
      name: "revision",
      passed: true,
      findings: ["a: The conflict is settled as this change had the file before: nothing of what landed on main meanwhile is there."],
    },
  ]);
}, 90_000);

test("markers that are left go back to the agent", async () => {
  const base = await register("markers", { ".slipway.yaml": CONFIG, a: "one\n" });
  await run("markers", [[write("a", "first\n")]], { base });
  const { detail, events } = await run("markers", [[write("a", "mine\n")], [write("other", "o\n")], [write("a", "first, mine\n")]], { base });
  expect(detail.job, JSON.stringify(detail.job.failure)).toMatchObject({ state: "done" });
  expect(turnsOf(events)).toEqual(["task: develop-task", "revision: any-revision", "repair: any-repair"]);
  expect(events.some((event) => event.kind === "check" && event.data.name === "conflicts" && !event.data.passed)).toBe(true);
}, 90_000);

test("without a budget there is no revision, and with `revisions: 0` a conflict fails the job at once", async () => {
  const base = await register("spent", { ".slipway.yaml": CONFIG, a: "one\n" });
  await run("spent", [[write("a", "first\n")]], { base });
  const spent = await run("spent", [[write("a", "mine\n"), { usage: { inputTokens: 90, outputTokens: 10 } }]], { base, budget: { tokens: 100 } });
  expect(spent.detail.job).toMatchObject({ state: "failed", failure: { code: "MERGE_CONFLICT" }, revision: null });
  expect(spent.detail.job.failure?.message).toContain("Its agent gets no revision: its budget of 100 tokens is used up.");
  const own = await run("spent", [[write("a", "mine\n")]], { base, revisions: 0 });
  expect(own.detail.job).toMatchObject({ state: "failed", failure: { code: "MERGE_CONFLICT" }, revision: null, revisions: 0 });
  const start = await register("zero", { ".slipway.yaml": `${CONFIG}landing: {revisions: 0}\n`, a: "one\n" });
  await run("zero", [[write("a", "first\n")]], { base: start });
  const zero = await run("zero", [[write("a", "mine\n")]], { base: start });
  expect(zero.detail.job).toMatchObject({ state: "failed", failure: { code: "MERGE_CONFLICT" }, revision: null });
  expect(zero.detail.job.failure?.message).toMatch(/since its base: a\.$/);
}, 120_000);

test("a fallback that takes over in a revision gets what was made of the merge, and knows what it is about", async () => {
  const base = await register("taken", { ".slipway.yaml": CONFIG, a: "one\n" });
  await run("taken", [[write("a", "first\n")]], { base });
  const second = [write("half", "h\n"), { fail: { code: "BACKEND_QUOTA", message: "No quota is left." } }];
  const steps = [{ shell: "test -e half && grep -q '<<<<<<<' a" }, write("seen", "{{prompt}}"), write("a", "first, mine\n")];
  const fallbacks = [{ backend: "script", config: { script: { turns: [{ steps }] } } }];
  const { id, detail } = await run("taken", [[write("a", "mine\n")], second], { base, fallbacks });
  expect(detail.job, JSON.stringify(detail.job.failure)).toMatchObject({ state: "done", revision: { number: 1, fence: 1 }, handover: { fence: 2 } });
  const patch = await client.diff(id);
  for (const text of ["-first\n+first, mine", "+h\n", "what the agent before you has made of the merge", "BACKEND_QUOTA: No quota is left.", "+modified a"])
    expect(patch).toContain(text);
}, 90_000);

test("a conflict between two jobs that wait to land is foreseen and told", async () => {
  const base = await register("ahead", { ".slipway.yaml": CONFIG, a: "one\n", b: "1\n" });
  await stack.signal("integrator", "SIGSTOP");
  try {
    const submit = async (content: string): Promise<string> =>
      await submitScript(client, "ahead", [[write("a", content)], [write("a", "both\n")]], { base, target: "main" });
    const [first, second, other] = [
      await submit("mine\n"),
      await submit("yours\n"),
      await submitScript(client, "ahead", [[write("b", "2\n")]], { base, target: "main" }),
    ];
    const [one, two] = await Promise.all([foreseen(first), foreseen(second)]);
    expect(one).toContain(`conflicts with job ${(await client.call("getJob", { params: { job: second } })).job.number}, which goes to main too, in a`);
    expect(two).toContain("Foreseen: its change conflicts with job");
    expect((await client.call("getJob", { params: { job: second } })).job.predicted).toMatchObject([{ target: "main", paths: ["a"] }]);
    expect((await client.call("explainJob", { params: { job: second } })).reason).toContain("It is foreseen that its change conflicts with job");
    await stack.signal("integrator", "SIGCONT");
    const ends = [await ended(client, first), await ended(client, second), await ended(client, other)];
    expect(ends.map(({ job }) => [job.state, job.predicted])).toEqual(Array.from({ length: 3 }, () => ["done", []]));
    expect(ends.filter(({ job }) => job.revision !== null)).toHaveLength(1);
    expect(ends[2]?.job.revision).toBeNull();
  } finally {
    await stack.signal("integrator", "SIGCONT");
  }
}, 120_000);

async function foreseen(job: string): Promise<string> {
  for await (const frame of client.follow(job)) {
    const event = frame.type === "event" ? frame.event : undefined;
    if (event?.kind === "notice" && event.data.text.startsWith("Foreseen")) return event.data.text;
  }
  throw new Error("the job ended, and nothing was foreseen");
}

test("a worker that is killed in a revision goes on with it, in the same session", async () => {
  const base = await register("killed", { ".slipway.yaml": CONFIG, a: "one\n" });
  await run("killed", [[write("a", "first\n")]], { base });
  const settle = [{ waitForMessage: true }, write("a", "first, mine\n"), write("turn", "{{turn}}")];
  const id = await submitScript(client, "killed", [[write("a", "mine\n")], settle], { base, target: "main" });
  await revising(id);
  await stack.crash("worker");
  // A message is delivered at most once: one that came before the turn was taken up again is lost.
  await vi.waitFor(
    async () => {
      if (isFinal((await client.call("getJob", { params: { job: id } })).job.state)) return;
      await client.call("steerJob", { params: { job: id }, body: { text: "go" } });
      throw new Error("the job is not over yet");
    },
    { timeout: 90_000, interval: 500 },
  );
  const { job, attempts } = await ended(client, id);
  expect(job, JSON.stringify(job.failure)).toMatchObject({ state: "done", revision: { number: 1 } });
  expect(attempts.map(({ outcome }) => outcome)).toEqual(["change", "change"]);
  expect(await client.diff(id)).toContain("+2\n");
}, 120_000);

test("a worker that never comes back leaves its revision to another one, in a new session with the task and all the rest", async () => {
  const base = await register("lost", { ".slipway.yaml": CONFIG, a: "one\n" });
  await run("lost", [[write("a", "first\n")]], { base });
  const work = [{ shell: "if grep -q '<<<<<<<' a; then echo first, mine >a; else echo mine >a; fi" }, write("turn", "{{turn}}"), write("seen", "{{prompt}}")];
  const id = await submitScript(client, "lost", [work, [{ waitForMessage: true }]], { base, target: "main", task: "Say whose it is" });
  await revising(id);
  await stack.signal("worker", "SIGKILL");
  await stack.start("second");
  const { job, attempts } = await ended(client, id);
  expect(job, JSON.stringify(job.failure)).toMatchObject({ state: "done", revision: { number: 1, fence: 1 } });
  expect(attempts.map(({ outcome, workerName }) => `${outcome} on ${workerName}`)).toEqual(["change on worker", "expired on worker", "change on second"]);
  const patch = await client.diff(id);
  for (const text of ["-first\n+first, mine", "+1\n", "+Say whose it is", "+This is revision 1 of 2."]) expect(patch).toContain(text);
}, 120_000);
