import { writeFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { bench, between } from "./integrator-bench.ts";

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
