import { expect, test } from "vitest";
import { allEvents } from "../support/jobs.ts";
import { at, instantCalled } from "./moments.ts";
import { killNow, pidsOf, type SandboxProcess } from "./processes.ts";
import { type Scene, sharedScene } from "./scene.ts";

/** `kill -9` of what runs in a sandbox, and of bubblewrap around it: the job ends once, lands at most once, and no process or workspace is left over. */

const current = sharedScene();

/** Kills all of a kind, as soon as there is one. */
async function kill({ stack }: Scene, victim: SandboxProcess): Promise<void> {
  await expect.poll(() => pidsOf(stack.data, victim), { interval: 5, timeout: 10_000 }).not.toEqual([]);
  for (const pid of await pidsOf(stack.data, victim)) killNow(pid);
}

async function socketsOf({ stack }: Scene): Promise<string[]> {
  return (await stack.leftovers()).sockets;
}

test.each([
  // A turn is never begun twice, so one whose sandbox is gone costs the attempt.
  { victim: "init", when: "the turn runs", attempts: 2 },
  { victim: "runner", when: "the turn runs", attempts: 2 },
  { victim: "runner", when: "the agent's output is on its way", attempts: 2 },
  { victim: "init", when: "the setup runs", attempts: 2 },
  // The namespace lives on without its parent, and nobody notices.
  { victim: "bubblewrap", when: "the turn runs", attempts: 1 },
  // The turn is over: gates and commit have sandboxes of their own.
  { victim: "runner", when: "a gate runs", attempts: 1 },
] as const)("kill -9 of the $victim when $when: the job lands once, in $attempts attempts", async ({ victim, when, attempts }) => {
  const scene = current();
  const killed = at(instantCalled(when), scene, () => kill(scene, victim));
  const job = await scene.submit();
  await killed;
  expect((await scene.landedOnce(job)).attempts).toHaveLength(attempts);
  await scene.nothingOfAttempts();
});

test("kill -9 of the agent alone: the job fails once, says how, and lands nothing", async () => {
  const scene = current();
  const job = await scene.submit({}, [{ shell: "sleep 7" }]);
  await kill(scene, "agent");
  const { job: view, attempts } = await scene.failedOnce(job, "BACKEND_FAILED");
  expect(view.failure?.message).toContain("SIGKILL");
  expect(attempts).toHaveLength(1);
  await scene.nothingOfAttempts();
});

test("kill -9 of a gate alone: it did not pass, and runs again after a repair", async () => {
  const scene = current();
  const job = await scene.submit({}, [{ write: { path: "slow", content: "" } }]);
  await kill(scene, "gate");
  const { attempts } = await scene.landedOnce(job);
  expect(attempts).toHaveLength(1);
  const gates = (await allEvents(scene.client, job.id)).flatMap((event) =>
    event.kind === "gate" && event.data.status !== "started" ? [event.data.status] : [],
  );
  expect(gates).toEqual(["failed", "passed"]);
  await scene.nothingOfAttempts();
});

test("kill -9 of a worker and of all its sandboxes at once: the job is tried again and lands once", async () => {
  const scene = current();
  const killed = at(instantCalled("the turn runs"), scene, async () => {
    await scene.stack.signal("worker", "SIGKILL");
    await kill(scene, "init");
  });
  const job = await scene.submit();
  await killed;
  await scene.stack.start("worker");
  expect((await scene.landedOnce(job)).attempts).toHaveLength(2);
  await scene.nothingOfAttempts();
});

test.each([
  { when: "has its socket", nowOf: socketsOf },
  { when: "has its first process", nowOf: (scene: Scene) => pidsOf(scene.stack.data, "init") },
])("kill -9 of a worker that starts a sandbox, when it $when: the next start ends and removes it", async ({ nowOf }) => {
  const scene = current();
  const { stack } = scene;
  // The job takes the sandbox that waits for it, and another one is started in its place.
  const before = new Set<unknown>(await nowOf(scene));
  const job = await scene.submit();
  await expect.poll(async () => (await nowOf(scene)).filter((found) => !before.has(found)), { interval: 1, timeout: 10_000 }).not.toEqual([]);
  await stack.signal("worker", "SIGKILL");
  await stack.start("worker");
  await scene.landedOnce(job);
  await stack.signal("worker", "SIGTERM");
  expect(await stack.leftovers()).toMatchObject({ sockets: [], sandboxes: [] });
  expect(await pidsOf(stack.data, "init")).toEqual([]);
  await stack.start("worker");
});

test("after all of them nothing is left over", async () => {
  await current().nothingLeft();
});
