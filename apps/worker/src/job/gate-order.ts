import { availableParallelism } from "node:os";
import { type Gate, needsOf } from "@slipway/protocol/gates";

/** How many run beside each other at most; two on a machine with one processor too, as gates that say so mostly wait. */
const BESIDE = Math.max(2, availableParallelism());

/** How the gates of a repository are run. */
interface Running<T> {
  /** One gate; `index` is its place in the file. */
  run(gate: Gate, index: number): Promise<T>;
  /** Whether the gates that need one may run. */
  passed(result: T): boolean;
  /** Runs a gate although one that it needs is red: whoever wants to know of each. */
  readonly all?: boolean;
}

/** What came of the gates: results in the order of the file, and those that were not run, with the one that kept each from it. */
export interface GateResults<T> {
  readonly results: readonly T[];
  readonly skipped: ReadonlyArray<{ readonly gate: Gate; readonly because: string }>;
}

/**
 * Runs gates: each after those that it needs, in the order of the file else, and one at a time but for those that say that they may run beside others. A red
 * one stops only those that need it. Rejects with the first error, when no other is running any more.
 */
export async function inGateOrder<T>(gates: readonly Gate[], { run, passed, all = false }: Running<T>): Promise<GateResults<T>> {
  const ended = new Map<string, T>();
  const skipped = new Map<string, { gate: Gate; because: string }>();
  const running = new Map<string, Promise<void>>();
  const errors: unknown[] = [];
  const start = (gate: Gate): void => {
    const work = run(gate, gates.indexOf(gate))
      .then(
        (result) => void ended.set(gate.name, result),
        (error: unknown) => void errors.push(error),
      )
      .finally(() => running.delete(gate.name));
    running.set(gate.name, work);
  };
  for (;;) {
    const skippedBefore = skipped.size;
    for (const gate of gates) {
      if (isKnown(gate)) continue;
      const needs = needsOf(gates, gate.name);
      const red = needs.find((need) => skipped.has(need) || (ended.has(need) && !passed(ended.get(need) as T)));
      if (red !== undefined && !all) skipped.set(gate.name, { gate, because: red });
      else if (needs.every((need) => ended.has(need))) {
        if (errors.length > 0 || !hasRoom(gate)) break;
        start(gate);
      }
    }
    if (running.size > 0) await Promise.race(running.values());
    // One that was skipped may keep another from running that stands before it.
    else if (skipped.size === skippedBefore) break;
  }
  if (errors.length > 0) throw errors[0];
  return { results: gates.flatMap(({ name }) => (ended.has(name) ? [ended.get(name) as T] : [])), skipped: [...skipped.values()] };

  function isKnown({ name }: Gate): boolean {
    return ended.has(name) || skipped.has(name) || running.has(name);
  }

  /** A gate that runs alone is not overtaken by those behind it. */
  function hasRoom({ parallel }: Gate): boolean {
    if (running.size === 0) return true;
    return parallel === true && running.size < BESIDE && gates.every(({ name, parallel: beside }) => !running.has(name) || beside === true);
  }
}
