import { LEASE_TTL_MS } from "@slipway/protocol/worker-api";
import { expect, test } from "vitest";
import { at, INSTANTS, type Victim } from "./moments.ts";
import { sharedScene } from "./scene.ts";

/**
 * `kill -9` of each of these parts at each instant of a job, and its restart: the job ends once and lands once, no event is lost or repeated, nothing is left
 * over. One installation for all of them, as what a kill leaves behind is met by the next; after a failure there is a new one. With SLIPWAY_FAULTS=all each
 * instant has each victim.
 */
export function killMatrix(victims: readonly Victim[]): void {
  const isLong = process.env["SLIPWAY_FAULTS"] === "all";
  const cases = INSTANTS.flatMap((instant) =>
    victims.flatMap((victim) => (isLong || instant.short.includes(victim) ? [{ victim, instant, when: instant.name }] : [])),
  );
  const current = sharedScene();

  test.each(cases)("kill -9 of the $victim when $when", async ({ victim, instant }) => {
    const scene = current();
    const killed = at(instant, scene, () => scene.stack.signal(victim, "SIGKILL"));
    const job = await scene.submit();
    await killed;
    const killedAt = performance.now();
    await scene.stack.start(victim);
    const awayMs = performance.now() - killedAt;
    const { attempts } = await scene.landedOnce(job);
    // The restarted part went on where the killed one was; a machine that takes as long as a lease for the start may lose it.
    if (awayMs < LEASE_TTL_MS / 2) expect(attempts, JSON.stringify(attempts)).toHaveLength(1);
    await scene.nothingOfAttempts();
  });

  test("after all of them nothing is left over", async () => {
    await current().nothingLeft();
  });
}
