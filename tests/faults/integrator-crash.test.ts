import { writeFile } from "node:fs/promises";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { KillSwitch, type Moment } from "../support/kill-switch.ts";
import { LandingBench } from "../support/landing-bench.ts";

const CONFIG = "gates:\n  - name: test\n    run: node --test\n";

// Each test starts several processes; a busy machine takes its time.
vi.setConfig({ testTimeout: 60_000 });

let bench: LandingBench;
let between: KillSwitch;

beforeEach(async () => {
  bench = await LandingBench.open({ ".slipway.yaml": CONFIG, "a.txt": "one\n" });
  between = await KillSwitch.open(() => bench.url);
});

afterEach(async () => {
  await between[Symbol.asyncDispose]();
  await bench[Symbol.asyncDispose]();
});

const moments: Array<Moment & { step: string }> = [
  { step: "the claim is answered", request: /^POST \/v1\/completion-claims$/, when: "after" },
  { step: "the push begins", request: /^POST \/git\/.*\/git-receive-pack$/, when: "before" },
  { step: "the push is taken", request: /^POST \/git\/.*\/git-receive-pack$/, when: "after" },
  { step: "the verification is asked for", request: /\/verify$/, when: "before" },
  { step: "the verification is accepted", request: /\/verify$/, when: "after" },
  { step: "the verify job is awaited", request: /^GET \/v1\/jobs\/.*waitMs/, when: "before" },
  { step: "the verify job has ended", request: /^GET \/v1\/jobs\/.*waitMs/, when: "after" },
  { step: "the landing is asked for", request: /\/land$/, when: "before" },
  { step: "the landing is done", request: /\/land$/, when: "after" },
];

test.each(moments)("kill -9 of the integrator when $step: the job lands once", async ({ request, when }) => {
  const first = await bench.finishedJob("main", { "b.txt": "b\n" });
  await bench.startIntegrator();
  await bench.ended(first);
  await bench.killIntegrator("SIGTERM");
  // From the old base, so that there is something to merge.
  const id = await bench.finishedJob("main", { "c.txt": "c\n" }, (await bench.admin.call("getJob", { params: { job: first } })).job.baseOid);
  const killed = between.arm({ request, when }, async () => void (await bench.killIntegrator()));
  await bench.startIntegrator(between.url);
  await killed;
  await bench.startIntegrator(between.url);
  const { job, completion } = await bench.ended(id);
  expect(job).toMatchObject({ state: "done" });
  expect(await bench.history("main")).toEqual(["Change c.txt", "Change b.txt", "Start"]);
  // The restarted integrator goes on with its own claim and its own verify job.
  expect(completion).toMatchObject({ state: "landed", fence: 1 });
  expect(bench.verified.length).toBe(2);
});

test.each(moments.filter(({ step }) => /^the (claim is|verification is accepted|verify job has|landing)/.test(step)))(
  "kill -9 of the integrator when $step, of work whose red gate a person accepted: it lands once, with its red receipt",
  async ({ request, when }) => {
    bench.verifier = async () => 1;
    await bench.startIntegrator();
    const refused = await bench.finishedJob("main", { "c.txt": "c\n" });
    expect((await bench.ended(refused)).job).toMatchObject({ state: "failed", failure: { code: "GATES_FAILED" } });
    await bench.killIntegrator("SIGTERM");
    await bench.moveBranch("main", { "user.txt": "mine\n" });
    const accept = async () => await bench.admin.call("acceptJob", { params: { job: refused }, body: { reason: "it will do" } });
    const { job: accepted, acceptance } = await accept();
    expect(acceptance.red).toMatchObject([{ by: "gate", name: "test" }]);
    const killed = between.arm({ request, when }, async () => void (await bench.killIntegrator()));
    await bench.startIntegrator(between.url);
    await killed;
    expect(await accept()).toMatchObject({ created: false, job: { id: accepted.id } });
    await bench.startIntegrator(between.url);
    const { job, completion, receipts } = await bench.ended(accepted.id);
    expect(job).toMatchObject({ state: "done" });
    expect(completion).toMatchObject({ state: "landed", fence: 1 });
    expect(receipts).toMatchObject([{ gate: "test", exitCode: 1, tree: await bench.hubGit("rev-parse", "main^{tree}") }]);
    expect(await bench.history("main")).toEqual(["Change c.txt", "Change user.txt", "Start"]);
    expect(await bench.hubGit("log", "-1", "--format=%(trailers:key=Accepted-Because,valueonly)", "main")).toContain("it will do");
  },
);

test("kill -9 after the push, and the target moves before the restart: the change is merged again and lands once", async () => {
  await bench.startIntegrator();
  await bench.ended(await bench.finishedJob("main", { "b.txt": "b\n" }));
  await bench.killIntegrator("SIGTERM");
  const id = await bench.finishedJob("main", { "c.txt": "c\n" });
  const killed = between.arm({ request: /\/verify$/, when: "before" }, async () => void (await bench.killIntegrator()));
  await bench.startIntegrator(between.url);
  await killed;
  await bench.moveBranch("main", { "user.txt": "mine\n" });
  await bench.startIntegrator(between.url);
  expect((await bench.ended(id)).job.state).toBe("done");
  expect(await bench.history("main")).toEqual(["Change c.txt", "Change user.txt", "Change b.txt", "Start"]);
});

test("SIGSTOP of the integrator past its lease: another one lands the change, and the late one has no effect", async () => {
  const id = await bench.finishedJob("main", { "b.txt": "b\n" });
  const stopped = between.arm({ request: /\/verify$/, when: "after" }, async () => bench.signalIntegrator("SIGSTOP"));
  await bench.startIntegrator(between.url);
  await stopped;
  await bench.startOtherIntegrator();
  const { job, completion } = await bench.ended(id);
  expect(job.state).toBe("done");
  // More than 2 where the stopped process's next question was still open and was handed the freed completion first.
  expect(completion?.fence).toBeGreaterThan(1);
  bench.signalIntegrator("SIGCONT");
  expect(await bench.logged((line) => line.msg === "completion ended")).toMatchObject({ kind: "left", code: "LEASE_LOST" });
  expect(await bench.history("main")).toEqual(["Change b.txt", "Start"]);
});

test("kill -9 of the server while a change is verified: the job lands once when it is back", async () => {
  const verification = bench.holdVerification();
  await bench.startIntegrator();
  const id = await bench.finishedJob("main", { "b.txt": "b\n" });
  await verification.asked;
  await bench.killServer();
  await bench.startServer();
  verification.release();
  expect((await bench.ended(id)).job.state).toBe("done");
  expect(await bench.history("main")).toEqual(["Change b.txt", "Start"]);
});

test("SIGTERM in the middle ends the integrator at once and cleanly; the next one goes on with the same claim", async () => {
  const verification = bench.holdVerification();
  await bench.startIntegrator();
  const id = await bench.finishedJob("main", { "b.txt": "b\n" });
  await verification.asked;
  expect(await bench.killIntegrator("SIGTERM")).toBe(0);
  verification.release();
  await bench.startIntegrator();
  const { job, completion } = await bench.ended(id);
  expect(job.state).toBe("done");
  expect(completion?.fence).toBe(1);
});

test("a second integrator on the same data folder is refused and names the first; after a kill -9 the next one starts", async () => {
  await bench.startIntegrator();
  const refused = bench.startIntegrator();
  await expect(refused).rejects.toThrow("DATA_FOLDER_IN_USE");
  await expect(refused).rejects.toThrow(`Another integrator (process ${bench.integratorPid})`);
  await bench.killIntegrator("SIGKILL");
  await bench.startIntegrator();
});

test("a token that the server does not know ends the integrator with the reason", async () => {
  await writeFile(`${bench.data}/tokens/integrator.token`, "nonsense\n");
  await bench.startIntegrator();
  expect(await bench.logged((line) => line["code"] === "UNAUTHENTICATED")).toMatchObject({ level: 60 });
  expect(await bench.integratorExit()).toBe(1);
});

test("the end of the parent's channel ends the integrator cleanly, at work or not", async () => {
  const verification = bench.holdVerification();
  await bench.startIntegrator();
  const id = await bench.finishedJob("main", { "b.txt": "b\n" });
  await verification.asked;
  bench.disconnectIntegrator();
  expect(await bench.integratorExit()).toBe(0);
  verification.release();
  await bench.startIntegrator();
  expect((await bench.ended(id)).job.state).toBe("done");
  bench.disconnectIntegrator();
  expect(await bench.integratorExit()).toBe(0);
});

test("an integrator that starts before its server waits for it", async () => {
  const id = await bench.finishedJob("main", { "b.txt": "b\n" });
  await bench.killServer();
  await bench.startIntegrator();
  await bench.startServer();
  expect((await bench.ended(id)).job.state).toBe("done");
});
