import { expect, test } from "vitest";
import { bench, between, moments } from "./integrator-bench.ts";

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
