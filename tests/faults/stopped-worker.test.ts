import { join } from "node:path";
import { expect, test } from "vitest";
import { ended } from "../support/jobs.ts";
import { git } from "../support/repository.ts";
import { at, instantCalled, late } from "./moments.ts";
import { type SlowJob, sharedScene } from "./scene.ts";

/**
 * SIGSTOP of a worker past its lease: another one does the job meanwhile, and what the first one still sends, at the worst moment, has no effect. The
 * request that it was about to send is held back and arrives when the job has landed.
 */

const current = sharedScene();

test.each([
  { name: "events of the turn are stored", hasPushed: false },
  { name: "the push begins", hasPushed: false },
  { name: "the finish is asked for", hasPushed: true },
])(
  "a worker that is stopped when $name",
  async ({ name, hasPushed }) => {
    const scene = current();
    const { stack, client } = scene;
    let job: SlowJob | undefined;
    const released = at(late(instantCalled(name)), scene, async () => {
      await stack.signal("worker", "SIGSTOP");
      // Claims only when the first one is frozen, and holds the job for good.
      await stack.start("second");
      await ended(client, job?.id ?? "");
    });
    job = await scene.submit();
    await released;
    await stack.signal("worker", "SIGCONT");
    const detail = await scene.landedOnce(job);
    expect(detail.attempts.map(({ fence, outcome }) => [fence, outcome])).toEqual([
      [1, "expired"],
      [2, "change"],
    ]);
    expect(await git(scene.hub, "log", "-1", "--format=%(trailers:key=Slipway-Attempt,valueonly,separator=)", `${detail.job.landedOid}`)).toBe("2");
    // What was pushed in time is inert; what came late is not even there.
    if (!hasPushed) expect(await git(join(scene.hub, "../jobs.git"), "for-each-ref", `refs/slipway/jobs/${job.id}/1`)).toBe("");
    await stack.signal("second", "SIGTERM");
    await scene.nothingOfAttempts();
  },
  60_000,
);

test("after all of them nothing is left over", async () => {
  await current().nothingLeft();
});
