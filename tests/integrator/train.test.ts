import type { Claim } from "@slipway/protocol/worker-api";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { LandingBench } from "../support/landing-bench.ts";

// No agent is here that could revise a change: tests/integrator/revisions.test.ts has that.
const GATES = "gates:\n  - name: test\n    run: node --test\n";
const LANDING = "revisions: 0";

// Each test starts several processes; a busy machine takes its time.
vi.setConfig({ testTimeout: 40_000 });

let bench: LandingBench;
let asked: Asked;

beforeEach(async () => {
  asked = new Asked();
  bench = await LandingBench.open({ ".slipway.yaml": `${GATES}landing: { ${LANDING} }\n`, "a.txt": "one\ntwo\nthree\n" });
});

afterEach(async () => {
  asked.releaseAll();
  await bench[Symbol.asyncDispose]();
});

/** The new files of a merged commit, as one word: `bc` for b.txt and c.txt. */
async function lettersOf(oid: string): Promise<string> {
  return (await bench.filesOf(oid)).flatMap((path) => /^([b-z])\.txt$/.exec(path)?.[1] ?? []).join("");
}

/** Verifications that are answered only when the test says so; by the letters of what is verified. */
class Asked {
  readonly log: string[] = [];
  readonly #open = new Map<string, PromiseWithResolvers<number>>();
  #changed = Promise.withResolvers<void>();
  #isOver = false;

  readonly verifier = async ({ verify }: Claim): Promise<number> => {
    const letters = await lettersOf(verify?.mergedOid ?? "");
    this.log.push(letters);
    if (this.#isOver) return 1;
    const answer = Promise.withResolvers<number>();
    this.#open.set(letters, answer);
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
    return await answer.promise;
  };

  /** Resolves when all of these are at work at the same time. */
  async until(...letters: string[]): Promise<void> {
    while (!letters.every((one) => this.#open.has(one))) await this.#changed.promise;
  }

  /** The first that is at work, once there is one. */
  async any(): Promise<string> {
    for (;;) {
      const [letters] = this.#open.keys();
      if (letters !== undefined) return letters;
      await this.#changed.promise;
    }
  }

  /** What is at work is going to be cancelled: the next one by these letters is another. */
  forget(letters: string): void {
    this.#open.get(letters)?.resolve(1);
    this.#open.delete(letters);
  }

  answer(letters: string, exitCode: number): void {
    const open = this.#open.get(letters);
    if (!open) throw new Error(`${letters} is not being verified`);
    this.#open.delete(letters);
    open.resolve(exitCode);
  }

  /** What a test has not answered must not keep it from ending. */
  releaseAll(): void {
    this.#isOver = true;
    for (const open of this.#open.values()) open.resolve(1);
  }
}

async function jobs(...letters: string[]): Promise<string[]> {
  const ids: string[] = [];
  for (const letter of letters) ids.push(await bench.finishedJob("main", { [`${letter}.txt`]: `${letter}\n` }));
  return ids;
}

async function statesOf(ids: readonly string[]): Promise<string[]> {
  return await Promise.all(ids.map(async (id) => (await bench.ended(id)).job.state));
}

test("changes of one target are verified at the same time, each on top of those before it, and land in order", async () => {
  bench.verifier = asked.verifier;
  const ids = await jobs("b", "c", "d");
  await bench.startIntegrator();
  await asked.until("b", "bc", "bcd");
  // The last is known to be green first; it waits for those before it.
  for (const letters of ["bcd", "bc"]) asked.answer(letters, 0);
  const { reason } = await bench.admin.call("explainJob", { params: { job: ids[2] ?? "" } });
  expect(reason).toContain("It is number 3 of the train, and lands when jobs 1, 2 have landed.");
  const { trains } = await bench.admin.call("showTrains", { params: { repo: bench.repo }, query: {} });
  expect(trains).toMatchObject([
    {
      target: "main",
      frozen: null,
      cars: [
        { job: 1, place: 1 },
        { job: 2, place: 2 },
        { job: 3, place: 3 },
      ],
    },
  ]);
  asked.answer("b", 0);
  expect(await statesOf(ids)).toEqual(["done", "done", "done"]);
  expect(await bench.history("main")).toEqual(["Change d.txt", "Change c.txt", "Change b.txt", "Start"]);
  expect(asked.log.toSorted()).toEqual(["b", "bc", "bcd"]);
});

test("one bad change costs the good ones behind it one further test", async () => {
  bench.verifier = async ({ verify }) => ((await lettersOf(verify?.mergedOid ?? "")).includes("c") ? 1 : 0);
  const ids = await jobs("b", "c", "d", "e");
  await bench.startIntegrator();
  expect(await statesOf(ids)).toEqual(["done", "failed", "done", "done"]);
  expect((await bench.ended(ids[1] ?? "")).job.failure).toMatchObject({
    code: "GATES_FAILED",
    message: expect.stringContaining("It was verified twice."),
  });
  expect(await bench.history("main")).toEqual(["Change e.txt", "Change d.txt", "Change b.txt", "Start"]);
  // What was asked for and cancelled before a worker took it counts too.
  const times = await Promise.all(ids.map(verificationsOf));
  expect(times[0]).toBe(1);
  for (const count of times.slice(2)) expect(count).toBeLessThanOrEqual(2);
});

test("while a red change is looked at again, those behind it are verified without it; what is green then lands behind them, marked", async () => {
  bench.verifier = asked.verifier;
  const ids = await jobs("b", "c");
  await bench.startIntegrator();
  await asked.until("b", "bc");
  asked.forget("bc");
  asked.answer("b", 1);
  await asked.until("b", "c");
  asked.answer("c", 0);
  expect((await bench.ended(ids[1] ?? "")).job.state).toBe("done");
  asked.answer("b", 0);
  await asked.until("bc");
  asked.answer("bc", 0);
  const { job, completion } = await bench.ended(ids[0] ?? "");
  expect(job.state).toBe("done");
  expect(completion?.flakyGates).toEqual(["test"]);
  expect(await bench.history("main")).toEqual(["Change b.txt", "Change c.txt", "Start"]);
  const { events } = await bench.admin.call("listEvents", { params: { job: job.id }, query: { limit: 500 } });
  expect(events.flatMap(({ kind, data }) => (kind === "notice" ? [(data as { text: string }).text] : []))).toContain(
    "It lands although the gate test was red on a merged tree of it at first: it was green when the same tree was verified again.",
  );
});

test("a red tree that is green the second time lands as it is, where nobody is behind it", async () => {
  const codes = [1, 0];
  bench.verifier = async () => codes.shift() ?? 1;
  await bench.startIntegrator();
  const { job, completion } = await bench.ended(await bench.finishedJob("main", { "b.txt": "b\n" }));
  expect(job).toMatchObject({ state: "done", landedOid: job.resultOid });
  expect(completion).toMatchObject({ flakyGates: ["test"] });
  expect(bench.verified).toEqual([job.resultOid, job.resultOid]);
});

test("a conflict with a change that is thrown out is none", async () => {
  bench.verifier = asked.verifier;
  // Each is let in when it comes: of several that wait, the one that conflicts would let the last pass.
  await bench.startIntegrator();
  const first = await bench.finishedJob("main", { "b.txt": "b\n", "a.txt": "one\n2\nthree\n" });
  const second = await bench.finishedJob("main", { "c.txt": "c\n", "a.txt": "one\nzwei\nthree\n" });
  const third = await bench.finishedJob("main", { "d.txt": "d\n" });
  // The second waits; the third does not wait for it.
  await asked.until("b", "bd");
  asked.answer("b", 1);
  await asked.until("b", "c", "cd");
  for (const [letters, code] of [
    ["b", 1],
    ["c", 0],
    ["cd", 0],
  ] as const)
    asked.answer(letters, code);
  expect(await statesOf([first, second, third])).toEqual(["failed", "done", "done"]);
  expect(await bench.history("main")).toEqual(["Change d.txt", "Change c.txt, a.txt", "Start"]);
});

test("a change that is foreseen to conflict with one ahead lets those pass that are not", async () => {
  await reopen("train: { parallel: 2 }");
  bench.verifier = asked.verifier;
  const first = await bench.finishedJob("main", { "b.txt": "b\n", "a.txt": "2\n" });
  const second = await bench.finishedJob("main", { "c.txt": "c\n", "a.txt": "zwei\n" });
  const third = await bench.finishedJob("main", { "d.txt": "d\n" });
  const last = await bench.finishedJob("main", { "e.txt": "e\n" });
  await vi.waitFor(async () => expect((await bench.admin.call("getJob", { params: { job: second }, query: {} })).job.predicted).toHaveLength(1), 20_000);
  await bench.startIntegrator();
  await asked.until("b", "bd");
  const { reason } = await bench.admin.call("explainJob", { params: { job: second } });
  expect(reason).toContain(
    "It is foreseen to conflict with job 1 ahead of it, so up to 8 changes of its priority that conflict with none are let in first; 1 of them were.",
  );
  const { trains } = await bench.admin.call("showTrains", { params: { repo: bench.repo }, query: {} });
  expect(trains[0]?.cars.map(({ job, place, conflictsWith, passed }) => [job, place, conflictsWith, passed])).toEqual([
    [1, 1, [], 0],
    [3, 2, [], 0],
    [4, null, [], 0],
    [2, null, [1], 1],
  ]);
  for (const letters of ["b", "bd"]) asked.answer(letters, 0);
  await asked.until("bde");
  asked.answer("bde", 0);
  expect(await statesOf([first, third, last, second])).toEqual(["done", "done", "done", "failed"]);
  expect(await bench.history("main")).toEqual(["Change e.txt", "Change d.txt", "Change b.txt, a.txt", "Start"]);
});

test("with `parallel: 1` one is verified after the other, and nothing that could be thrown out is tested", async () => {
  await reopen("train: { parallel: 1, retries: 0 }");
  let atWork = 0;
  let most = 0;
  bench.verifier = async ({ verify }) => {
    atWork += 1;
    most = Math.max(most, atWork);
    const letters = await lettersOf(verify?.mergedOid ?? "");
    atWork -= 1;
    return letters.includes("c") ? 1 : 0;
  };
  const ids = await jobs("b", "c", "d");
  await bench.startIntegrator();
  expect(await statesOf(ids)).toEqual(["done", "failed", "done"]);
  expect(most).toBe(1);
  expect(bench.verified.length).toBe(3);
});

/** Lets all of these go at the same moment, so that what is tested together does not depend on who came first. */
async function whenAllAreReady(make: () => Promise<string[]>): Promise<string[]> {
  await bench.admin.call("freezeTrain", { params: { repo: bench.repo }, body: { target: "main", reason: "not yet" } });
  const ids = await make();
  await bench.startIntegrator();
  await bench.admin.call("resumeTrain", { params: { repo: bench.repo }, body: {} });
  return ids;
}

test("a batch is verified by its last tree and lands by one move of the branch, each change as a commit of its own", async () => {
  await reopen("train: { parallel: 1, batch: 4 }");
  bench.verifier = asked.verifier;
  const ids = await whenAllAreReady(() => jobs("b", "c", "d", "e"));
  // The first may have been there alone for a moment.
  const first = await asked.any();
  const { trains } = await bench.admin.call("showTrains", { params: { repo: bench.repo }, query: {} });
  const verifyJob = trains[0]?.cars[0]?.verifyJob;
  expect(trains[0]?.cars.slice(0, first.length)).toMatchObject(
    [..."bcde"].slice(0, first.length).map((_, at) => ({ verifyJob, batch: at === first.length - 1 ? null : first.length })),
  );
  asked.answer(first, 0);
  if (first !== "bcde") {
    await asked.until("bcde");
    asked.answer("bcde", 0);
  }
  expect(await statesOf(ids)).toEqual(["done", "done", "done", "done"]);
  expect(await bench.history("main")).toEqual(["Change e.txt", "Change d.txt", "Change c.txt", "Change b.txt", "Start"]);
  expect(bench.verified.length).toBe(first === "bcde" ? 1 : 2);
  const tree = await bench.hubGit("rev-parse", "main^{tree}");
  const tip = await bench.hubGit("rev-parse", "main");
  const inner = await bench.ended(ids[2] ?? "");
  expect(inner.completion).toMatchObject({ landedOid: await bench.hubGit("rev-parse", "main~1"), testedOid: tip });
  expect(inner.receipts).toMatchObject([{ gate: "test", exitCode: 0, tree }]);
  const statement = await bench.admin.call("jobStatement", { params: { job: ids[2] ?? "" } });
  expect(statement.predicate.buildDefinition.internalParameters.testedAs).toBe(tip);
  expect(statement.predicate.runDetails.byproducts).toMatchObject([{ annotations: { tree } }]);
  // One entry of the branch's own log for each move: the notes of landed commits are about each of them.
  for (const id of ids) expect(await bench.hubGit("notes", "--ref=slipway", "show", (await bench.ended(id)).job.landedOid ?? "")).toContain(id);
});

test("a red batch is split until the change that is to blame is found; the others land", async () => {
  await reopen("train: { parallel: 1, batch: 4, retries: 0 }");
  const tested: string[] = [];
  bench.verifier = async ({ verify }) => {
    const letters = await lettersOf(verify?.mergedOid ?? "");
    tested.push(letters);
    return letters.includes("d") ? 1 : 0;
  };
  const ids = await whenAllAreReady(() => jobs("b", "c", "d", "e"));
  expect(await statesOf(ids)).toEqual(["done", "done", "failed", "done"]);
  expect((await bench.history("main")).toSorted()).toEqual(["Change b.txt", "Change c.txt", "Change e.txt", "Start"]);
  expect((await bench.ended(ids[2] ?? "")).job.failure).toMatchObject({ code: "GATES_FAILED" });
  expect(tested.length).toBeLessThanOrEqual(7);
});

test("a change of the rules, and accepted work, are tested alone", async () => {
  await reopen("train: { parallel: 1, batch: 4 }");
  const text = `${GATES}landing: { ${LANDING}, train: { parallel: 1, batch: 4 } }\n# more\n`;
  const ids = await whenAllAreReady(async () => [...(await jobs("b")), await bench.finishedJob("main", { ".slipway.yaml": text }), ...(await jobs("c", "d"))]);
  expect(await statesOf(ids)).toEqual(["done", "done", "done", "done"]);
  const rules = await bench.ended(ids[1] ?? "");
  expect(rules.completion?.testedOid).toBe(rules.job.landedOid);
  expect(bench.verified).toContain(rules.job.landedOid);
});

test("a change that is cancelled while its batch is tested takes nobody along", async () => {
  await reopen("train: { parallel: 1, batch: 4 }");
  bench.verifier = asked.verifier;
  const ids = await whenAllAreReady(() => jobs("b", "c", "d"));
  const first = await asked.any();
  await bench.admin.call("cancelJob", { params: { job: ids[1] ?? "" }, body: {} });
  // Where only `b` is tested yet, `c` goes before it comes into a batch.
  if (first === "b") asked.answer("b", 0);
  await asked.until("bd");
  asked.answer("bd", 0);
  expect(await statesOf(ids)).toEqual(["done", "cancelled", "done"]);
  expect(await bench.history("main")).toEqual(["Change d.txt", "Change b.txt", "Start"]);
});

test("a push into the target while a train is under way: everything is merged anew and lands", async () => {
  await bench.startIntegrator();
  await bench.ended(await bench.finishedJob("main", { "b.txt": "b\n" }));
  bench.verifier = asked.verifier;
  const ids = await jobs("c", "d");
  await asked.until("bc", "bcd");
  await bench.moveBranch("main", { "z.txt": "mine\n" });
  for (const letters of ["bc", "bcd"]) asked.answer(letters, 0);
  await asked.until("bcz", "bcdz");
  for (const letters of ["bcz", "bcdz"]) asked.answer(letters, 0);
  expect(await statesOf(ids)).toEqual(["done", "done"]);
  expect(await bench.history("main")).toEqual(["Change d.txt", "Change c.txt", "Change z.txt", "Change b.txt", "Start"]);
});

test("a cancelled change in the middle leaves the train, and those behind it land", async () => {
  bench.verifier = asked.verifier;
  const ids = await jobs("b", "c", "d");
  await bench.startIntegrator();
  await asked.until("b", "bc", "bcd");
  await bench.admin.call("cancelJob", { params: { job: ids[1] ?? "" }, body: {} });
  await asked.until("bd");
  for (const letters of ["b", "bd"]) asked.answer(letters, 0);
  expect(await statesOf(ids)).toEqual(["done", "cancelled", "done"]);
  expect(await bench.history("main")).toEqual(["Change d.txt", "Change b.txt", "Start"]);
});

test("the target's own file says how changes become commits: `merge` keeps the job's commit and its trailers", async () => {
  await reopen("style: merge");
  await bench.startIntegrator();
  const ids = await jobs("b", "c");
  expect(await statesOf(ids)).toEqual(["done", "done"]);
  const [first, second] = await Promise.all(ids.map((id) => bench.ended(id)));
  expect(await bench.hubGit("log", "--first-parent", "--format=%s", "main")).toBe("Merge job 2: Change c.txt\nMerge job 1: Change b.txt\nStart");
  expect(await bench.hubGit("show", "-s", "--format=%P", "main")).toBe(`${first?.job.landedOid} ${second?.job.resultOid}`);
  expect(second?.receipts).toMatchObject([{ exitCode: 0, tree: await bench.hubGit("rev-parse", "main^{tree}") }]);
});

/** The same bench with more under `landing` of its `.slipway.yaml`. */
async function reopen(more: string): Promise<void> {
  await bench[Symbol.asyncDispose]();
  bench = await LandingBench.open({ ".slipway.yaml": `${GATES}landing: { ${LANDING}, ${more} }\n`, "a.txt": "one\n" });
}

/** Verify jobs that were made for a job's change. */
async function verificationsOf(jobId: string): Promise<number> {
  const { completion } = await bench.ended(jobId);
  const { jobs: all } = await bench.admin.call("listJobs", { query: { kind: "verify", limit: 200 } });
  return all.filter(({ completionId }) => completionId === completion?.id).length;
}
