import { pino } from "pino";
import { expect, test } from "vitest";
import { WarmPool, type WarmSandbox } from "./warm.ts";

/** A pool whose sandboxes are there as soon as they are started. */
function poolOf(slots: number, more: { min?: number; idleMs?: number; isWell?: (nth: number) => boolean } = {}): { pool: WarmPool; started: string[][] } {
  const started: string[][] = [];
  const { isWell = () => true, ...options } = more;
  const start = async (readOnly: readonly string[]): Promise<WarmSandbox> => {
    started.push([...readOnly]);
    const nth = started.length;
    return {
      place: { id: String(nth) },
      sandbox: { record: { processes: [] }, ping: async () => isWell(nth) },
      discard: async () => {},
    } as unknown as WarmSandbox;
  };
  return { pool: new WarmPool({ slots, ...options, start, log: pino({ level: "silent" }) }), started };
}

test("a replacement waits while another of its kind is ready, until the attempt ends", async () => {
  const { pool, started } = poolOf(2);
  pool.want(["/usr"]);
  await pool.settled();
  expect(pool.size).toBe(2);
  expect(pool.take(["/usr"])).toBeDefined();
  pool.want(["/usr"]);
  await new Promise(setImmediate);
  expect(started).toHaveLength(2);
  pool.hurry();
  await pool.settled();
  expect(started).toHaveLength(3);
  await pool.close();
});

test("where the last one is taken, the replacement starts at once; for other mounts there is time", async () => {
  const { pool, started } = poolOf(1);
  pool.want(["/usr"]);
  await pool.settled();
  expect(pool.take(["/usr"])).toBeDefined();
  pool.want(["/usr"]);
  await new Promise(setImmediate);
  expect(started).toHaveLength(2);
  await pool.settled();
  pool.want(["/opt"]);
  await new Promise(setImmediate);
  expect(started).toHaveLength(2);
  await pool.settled();
  expect(started.at(-1)).toEqual(["/opt"]);
  await pool.close();
});

test("when no job has come for a while only the least number stays, and the next job wakes the pool", async () => {
  const { pool, started } = poolOf(3, { min: 1 });
  pool.want(["/usr"]);
  await pool.settled();
  expect(pool.size).toBe(3);
  pool.rest();
  expect(pool.size).toBe(1);
  await pool.settled();
  expect(started).toHaveLength(3);
  expect(pool.take(["/usr"])).toBeDefined();
  pool.want(["/usr"]);
  await pool.settled();
  expect(pool.size).toBe(3);
  await pool.close();
});

test("one that does not answer is replaced, the others stay", async () => {
  const { pool, started } = poolOf(2, { isWell: (nth) => nth !== 1 });
  pool.want(["/usr"]);
  await pool.settled();
  await pool.checkHealth();
  await pool.settled();
  expect(pool.size).toBe(2);
  expect(started).toHaveLength(3);
  await pool.close();
});
