import { setTimeout as pause } from "node:timers/promises";
import { LEASE_TTL_MS } from "@slipway/protocol/worker-api";
import { expect, test } from "vitest";
import { at, instantCalled, late } from "./moments.ts";
import { sharedScene } from "./scene.ts";

/**
 * SIGSTOP of the server in the middle of a turn. It stops just after a renewal, so that the worker's lease has its whole time before it. A server that is back
 * within that time costs nothing; one that is not costs the attempt, as its worker gives the lease up by its own clock, and nothing else.
 */

const current = sharedScene();
const RENEWAL = { name: "a lease is renewed", at: { request: /\/renew$/, when: "after" }, short: [] } as const;

test.each([
  { stoppedMs: LEASE_TTL_MS - 3_000, outcomes: ["change"] },
  { stoppedMs: LEASE_TTL_MS + 2_000, outcomes: ["expired", "change"] },
])(
  "a server that stands still for $stoppedMs ms",
  async ({ stoppedMs, outcomes }) => {
    const scene = current();
    const inTurn = at(late(instantCalled("events of the turn are stored")), scene, async () => undefined);
    const job = await scene.submit({}, [{ shell: "sleep 4" }]);
    await inTurn;
    await at(late(RENEWAL), scene, () => scene.stack.signal("server", "SIGSTOP"));
    await pause(stoppedMs);
    await scene.stack.signal("server", "SIGCONT");
    const { attempts } = await scene.landedOnce(job);
    expect(attempts.map(({ fence, outcome }) => [fence, outcome])).toEqual(outcomes.map((outcome, index) => [index + 1, outcome]));
    await scene.nothingOfAttempts();
  },
  90_000,
);

test("after all of them nothing is left over", async () => {
  await current().nothingLeft();
});
