import { SlipwayError } from "@slipway/protocol/errors";
import { pino } from "pino";
import { expect, test } from "vitest";
import type { Sandbox } from "../sandbox/sandbox.ts";
import { WarmPool, type WarmPoolOptions, type WarmSandbox } from "./warm.ts";
import type { WarmShape } from "./warm-shape.ts";

interface Scene {
  readonly pool: WarmPool;
  /** What was started, in order, by image and mounts. */
  readonly started: string[];
  /** Numbers of those that were ended. */
  readonly discarded: number[];
  /** What was said to the log, by its image. */
  readonly warnings: string[];
}

interface Plan extends Partial<Pick<WarmPoolOptions, "min" | "idleMs" | "retry" | "onTroubles">> {
  isWell?(nth: number): boolean;
  /** Resolves when it is there; rejects where it cannot be started. */
  startsWhen?(shape: WarmShape, nth: number): Promise<void>;
}

/** A pool whose sandboxes are there as soon as they are started, unless the plan says otherwise. */
function poolOf(slots: number, plan: Plan = {}): Scene {
  const { isWell = () => true, startsWhen = async () => {}, ...options } = plan;
  const [started, discarded, warnings]: [string[], number[], string[]] = [[], [], []];
  const start = async (shape: WarmShape): Promise<WarmSandbox> => {
    const nth = started.push([shape.image?.imageId ?? "", ...shape.readOnly].join(" ").trim());
    const sandbox = { record: { processes: [] }, ping: async () => isWell(nth) } as unknown as Sandbox;
    let ready: Sandbox | undefined;
    const coming = startsWhen(shape, nth).then(() => {
      ready = sandbox;
      return sandbox;
    });
    coming.catch(() => {});
    return {
      place: { id: String(nth) },
      started: coming,
      get ready() {
        return ready;
      },
      discard: async () => void discarded.push(nth),
    } as unknown as WarmSandbox;
  };
  const log = pino({ level: "warn" }, { write: (line: string) => void warnings.push(`${JSON.parse(line).image}: ${JSON.parse(line).err?.message}`) });
  return { pool: new WarmPool({ slots, ...options, start, log }), started, discarded, warnings };
}

const usr: WarmShape = { readOnly: ["/usr"] };
const opt: WarmShape = { readOnly: ["/opt"] };

function of(name: string, imageId = name): WarmShape {
  return { image: { name, imageId }, readOnly: ["/usr"] };
}

test("a replacement waits while another of its kind is ready, until the attempt ends", async () => {
  const { pool, started } = poolOf(2);
  pool.want(usr);
  await pool.settled();
  expect(pool.size).toBe(2);
  expect(pool.take(usr)).toBeDefined();
  pool.want(usr);
  await new Promise(setImmediate);
  expect(started).toHaveLength(2);
  pool.hurry();
  await pool.settled();
  expect(started).toHaveLength(3);
  await pool.close();
});

test("where the last one is taken, the replacement starts at once; for other mounts there is time", async () => {
  const { pool, started } = poolOf(1);
  pool.want(usr);
  await pool.settled();
  expect(pool.take(usr)).toBeDefined();
  pool.want(usr);
  await new Promise(setImmediate);
  expect(started).toHaveLength(2);
  await pool.settled();
  pool.want(opt);
  await new Promise(setImmediate);
  expect(started).toHaveLength(2);
  await pool.settled();
  expect(started.at(-1)).toBe("/opt");
  await pool.close();
});

test("when no job has come for a while only the least number stays, of what was used last, and the next job wakes the pool", async () => {
  const { pool, started, discarded } = poolOf(3, { min: 1 });
  pool.want(of("old"));
  pool.want(of("new"));
  await pool.settled();
  expect(started).toEqual(["new /usr", "old /usr", "new /usr"]);
  pool.rest();
  expect(discarded).toEqual([3, 2]);
  await pool.settled();
  expect(started).toHaveLength(3);
  expect(pool.take(of("new"))).toBeDefined();
  pool.want(of("new"));
  await pool.settled();
  expect(pool.size).toBe(3);
  await pool.close();
});

test("one that does not answer is replaced, the others stay", async () => {
  const { pool, started } = poolOf(2, { isWell: (nth) => nth !== 1 });
  pool.want(usr);
  await pool.settled();
  await pool.checkHealth();
  await pool.settled();
  expect(pool.size).toBe(2);
  expect(started).toHaveLength(3);
  await pool.close();
});

test("the same mounts in another image are another kind", async () => {
  const { pool } = poolOf(1);
  pool.want(of("codex"));
  await pool.settled();
  expect(pool.take(of("all"))).toBeUndefined();
  expect(pool.take(usr)).toBeUndefined();
  expect(pool.take(of("codex"))).toBeDefined();
  await pool.close();
});

test("an image that fails is left alone while the others go on; the reason is told once, and no more when it works again", async () => {
  let isMended = false;
  let changes = 0;
  const startsWhen = async ({ image }: WarmShape): Promise<void> => {
    if (image?.name === "broken" && !isMended) throw new SlipwayError("SANDBOX_UNAVAILABLE", "no such program");
  };
  const { pool, started, discarded, warnings } = poolOf(3, { startsWhen, retry: { minMs: 3_600_000, maxMs: 3_600_000 }, onTroubles: () => (changes += 1) });
  pool.want(of("broken"));
  pool.want(of("fine"));
  await pool.settled();
  expect(started).toEqual(["fine /usr", "broken /usr", "fine /usr"]);
  expect(discarded).toEqual([2]);
  await pool.settled();
  expect(started).toHaveLength(3);
  expect(pool.troubles).toEqual([{ image: "broken", reason: "no such program" }]);
  // A job's own has started, so it is worth a try.
  pool.want(of("broken"));
  await pool.settled();
  expect(started.filter((one) => one.startsWith("broken"))).toHaveLength(2);
  expect(warnings).toEqual(["broken: no such program"]);
  isMended = true;
  pool.want(of("broken"));
  await pool.settled();
  expect(pool.troubles).toEqual([]);
  expect(changes).toBe(2);
  await pool.close();
});

test("what failed is tried again by itself", async () => {
  const again = Promise.withResolvers<void>();
  const startsWhen = async (_: WarmShape, nth: number): Promise<void> => {
    if (nth === 1) throw new Error("not now");
    again.resolve();
  };
  const { pool } = poolOf(1, { startsWhen, retry: { minMs: 1, maxMs: 1 } });
  pool.want(usr);
  await pool.settled();
  await again.promise;
  await expect.poll(() => pool.size).toBe(1);
  await pool.close();
});

test("a job takes the one that is being started, and it is the pool's no longer", async () => {
  const there = Promise.withResolvers<void>();
  const { pool, started, discarded } = poolOf(1, { startsWhen: async (_, nth) => await (nth === 1 ? there.promise : undefined) });
  pool.want(usr);
  pool.hurry();
  await expect.poll(() => started).toHaveLength(1);
  await new Promise(setImmediate);
  expect(pool.take(opt)).toBeUndefined();
  const taken = pool.take(usr);
  expect(taken).toMatchObject({ place: { id: "1" }, ready: undefined });
  expect(pool.take(usr)).toBeUndefined();
  there.resolve();
  expect(await taken?.started).toBe(taken?.ready);
  await pool.settled();
  expect(started).toHaveLength(2);
  await pool.close();
  expect(discarded).toEqual([2]);
});

test("one that a job has taken and that cannot be started is the job's to end", async () => {
  const there = Promise.withResolvers<void>();
  const { pool, started, discarded } = poolOf(1, { startsWhen: async () => await there.promise, retry: { minMs: 3_600_000, maxMs: 3_600_000 } });
  pool.want(usr);
  pool.hurry();
  await expect.poll(() => started).toHaveLength(1);
  await new Promise(setImmediate);
  const taken = pool.take(usr);
  there.reject(new SlipwayError("SANDBOX_UNAVAILABLE", "no"));
  await expect(taken?.started).rejects.toThrow("no");
  await pool.settled();
  expect(discarded).toEqual([]);
  expect(pool.troubles).toEqual([{ image: undefined, reason: "no" }]);
  await pool.close();
});

test("an image that was built anew is followed, and one that nobody uses any more goes", async () => {
  const { pool, started, discarded } = poolOf(2);
  pool.want(of("gone", "1"));
  pool.want(of("codex", "2"));
  await pool.settled();
  expect(started).toEqual(["2 /usr", "1 /usr"]);
  pool.follow(({ name }) => (name === "codex" ? { name, imageId: "3" } : undefined));
  await pool.settled();
  expect(discarded.toSorted()).toEqual([1, 2]);
  expect(started.slice(2)).toEqual(["3 /usr", "3 /usr"]);
  await pool.close();
});
