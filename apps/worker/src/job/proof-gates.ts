import type { ChecksConfig } from "@slipway/protocol/checks";
import type { Gate } from "@slipway/protocol/gates";

const TEST_NAME = /(?:^|[-_.])(?:tests?|specs?)(?:$|[-_.])/i;

/**
 * The gates that run the tests: those that the repository names, else those of the stage `test` and those with `test` or `spec` as a word of their name, else
 * the only one. Empty where none can be told.
 */
export function proofGates(gates: readonly Gate[], { proofGates: named }: Pick<ChecksConfig, "proofGates">): Gate[] {
  if (named.length > 0) return gates.filter(({ name }) => named.includes(name));
  const byName = gates.filter(({ name, stage }) => (stage === undefined ? TEST_NAME.test(name) : stage === "test"));
  return byName.length > 0 || gates.length !== 1 ? byName : [...gates];
}

/** These gates with all that they need, in the order of the file. */
export function withNeeds(gates: readonly Gate[], wanted: readonly Gate[]): Gate[] {
  const names = new Set(wanted.map(({ name }) => name));
  const open = [...wanted];
  for (let gate = open.pop(); gate; gate = open.pop()) {
    for (const need of gate.needs ?? []) {
      const needed = gates.find(({ name }) => name === need);
      if (needed && !names.has(need)) {
        names.add(need);
        open.push(needed);
      }
    }
  }
  return gates.filter(({ name }) => names.has(name));
}
