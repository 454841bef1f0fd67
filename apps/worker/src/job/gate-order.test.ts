import { type Gate, gateSchema } from "@slipway/protocol/gates";
import fc from "fast-check";
import { expect, test } from "vitest";
import { inGateOrder } from "./gate-order.ts";

function gate(name: string, more: Partial<Gate> = {}): Gate {
  return gateSchema.parse({ name, run: "true", ...more });
}

/** Runs gates of which some are red, and tells when each began and ended. */
async function play(gates: readonly Gate[], red: readonly string[] = [], all = false) {
  const log: string[] = [];
  const { results, skipped } = await inGateOrder(gates, {
    all,
    async run({ name }) {
      log.push(`+${name}`);
      // What could begin beside it has begun by then.
      await new Promise((resolve) => setImmediate(resolve));
      log.push(`-${name}`);
      return name;
    },
    passed: (name) => !red.includes(name),
  });
  return { log: log.join(" "), results, skipped: skipped.map(({ gate: { name }, because }) => `${name} by ${because}`) };
}

test("without needs they run one after another, in the order of the file, also after a red one", async () => {
  expect(await play([gate("lint"), gate("test"), gate("build")], ["lint"])).toEqual({
    log: "+lint -lint +test -test +build -build",
    results: ["lint", "test", "build"],
    skipped: [],
  });
});

test("a gate comes after those that it needs, and not at all where one of them is red", async () => {
  const gates = [gate("test", { needs: ["build"] }), gate("build"), gate("deploy", { needs: ["test"] }), gate("lint")];
  expect((await play(gates)).log).toBe("+build -build +test -test +deploy -deploy +lint -lint");
  expect(await play(gates, ["build"])).toMatchObject({ results: ["build", "lint"], skipped: ["test by build", "deploy by test"] });
  expect(await play(gates, ["build"], true)).toMatchObject({ results: ["test", "build", "deploy", "lint"], skipped: [] });
});

test("those that may run beside others do, and one that may not runs alone", async () => {
  const [a, b, c] = [gate("a", { parallel: true }), gate("b", { parallel: true }), gate("c")];
  expect((await play([a, b, c])).log).toBe("+a +b -a -b +c -c");
  expect((await play([a, c, b])).log).toBe("+a -a +c -c +b -b");
});

test("an error is told when no other is running any more", async () => {
  const ended: string[] = [];
  const gates = [gate("a", { parallel: true }), gate("b", { parallel: true }), gate("c")];
  const running = inGateOrder(gates, {
    async run({ name }) {
      if (name === "a") throw new Error("no room");
      await new Promise((resolve) => setImmediate(resolve));
      ended.push(name);
      return name;
    },
    passed: () => true,
  });
  await expect(running).rejects.toThrow("no room");
  expect(ended.every((name) => name === "b")).toBe(true);
});

test("whatever needs what, each gate runs once after its needs, or is skipped by a red one", async () => {
  const gatesOf = fc.array(fc.record({ needs: fc.array(fc.nat(5), { maxLength: 3 }), parallel: fc.boolean(), red: fc.boolean() }), {
    minLength: 1,
    maxLength: 6,
  });
  await fc.assert(
    fc.asyncProperty(gatesOf, fc.boolean(), async (specs, all) => {
      // Of earlier ones alone, so that none needs itself.
      const gates = specs.map(({ needs, parallel }, index) =>
        gate(`g${index}`, { parallel, needs: [...new Set(needs.filter((need) => need < index).map((need) => `g${need}`))] }),
      );
      const red = specs.flatMap((spec, index) => (spec.red ? [`g${index}`] : []));
      const shuffled = gates.toReversed();
      const { log, results, skipped } = await play(shuffled, red, all);
      expect([...results, ...skipped.map((text) => text.split(" ")[0])].toSorted()).toEqual(gates.map(({ name }) => name).toSorted());
      for (const { name, needs = [] } of gates) {
        if (!results.includes(name)) continue;
        for (const need of needs) expect(log.indexOf(`-${need}`)).toBeLessThan(log.indexOf(`+${name}`));
        if (!all) expect(needs.filter((need) => red.includes(need))).toEqual([]);
      }
    }),
  );
});
