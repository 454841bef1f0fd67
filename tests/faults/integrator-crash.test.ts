import { expect, test } from "vitest";
import { bench, between, moments } from "./integrator-bench.ts";

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
