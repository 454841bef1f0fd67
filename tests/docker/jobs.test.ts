import { describe, expect, test } from "vitest";
import { at, instantCalled } from "../faults/moments.ts";
import { sharedScene } from "../faults/scene.ts";
import { allEvents, ended } from "../support/jobs.ts";
import { containersOf, hasEngine, labelOf } from "./engine.ts";

/** Jobs whose every command runs in a container: they land, survive their worker, and leave nothing. */

describe.runIf(hasEngine)("jobs in containers", () => {
  const current = sharedScene({ sandbox: "docker", slots: 1, verifySlots: 1 });

  async function containers(): Promise<string[]> {
    return await containersOf(await labelOf(current().stack.data));
  }

  test("a job lands, with receipts of the image", async () => {
    const scene = current();
    const detail = await scene.landedOnce(await scene.submit());
    expect(detail.attempts).toMatchObject([{ sandbox: "docker", outcome: "change" }]);
    expect(detail.receipts).toMatchObject([{ gate: "once", exitCode: 0, image: expect.stringMatching(/^sha256:[0-9a-f]{64}$/) }]);
    await scene.nothingOfAttempts();
  }, 60_000);

  test.each(["the turn runs", "a gate runs", "the commit is being made"])(
    "a worker that is killed when %s goes on with the same attempt",
    async (when) => {
      const scene = current();
      const killed = at(instantCalled(when), scene, () => scene.stack.crash("worker"));
      const job = await scene.submit();
      await killed;
      expect((await scene.landedOnce(job)).attempts).toHaveLength(1);
      await scene.nothingOfAttempts();
    },
    90_000,
  );

  test("a job that is cancelled leaves no process and no container of its own", async () => {
    const scene = current();
    const { client } = scene;
    const { id } = await scene.submit({}, [{ daemon: "exec setsid sleep 98765.4" }, { hang: { ignoreAbort: true } }]);
    for await (const frame of client.follow(id)) if (frame.type === "event" && JSON.stringify(frame.event).includes("said 10")) break;
    const before = await containers();
    await client.call("cancelJob", { params: { job: id }, body: {} });
    expect((await ended(client, id)).job.state).toBe("cancelled");
    // The engine removes what has ended by itself, and the pool starts another.
    await expect.poll(async () => (await containers()).filter((line) => before.includes(line)), { timeout: 10_000 }).toEqual([]);
    await scene.nothingOfAttempts();
  }, 60_000);

  test("the events say which sandbox it was", async () => {
    const scene = current();
    const job = await scene.submit();
    await scene.landedOnce(job);
    const moves = (await allEvents(scene.client, job.id)).flatMap((event) => (event.kind === "state" ? [event.data] : []));
    expect(moves.find(({ to }) => to === "running")).toMatchObject({ sandbox: "docker" });
  }, 60_000);

  test("after all of them no container is left over", async () => {
    const scene = current();
    const label = await labelOf(scene.stack.data);
    await scene.nothingLeft();
    await expect.poll(() => containersOf(label), { timeout: 10_000 }).toEqual([]);
  }, 30_000);
});
