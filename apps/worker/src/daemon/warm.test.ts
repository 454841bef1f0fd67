import { pino } from "pino";
import { expect, test } from "vitest";
import { WarmPool, type WarmSandbox } from "./warm.ts";

/** A pool whose sandboxes are there as soon as they are started. */
function poolOf(slots: number): { pool: WarmPool; started: string[][] } {
  const started: string[][] = [];
  const start = async (readOnly: readonly string[]): Promise<WarmSandbox> => {
    started.push([...readOnly]);
    return { sandbox: { record: { processes: [] } }, discard: async () => {} } as unknown as WarmSandbox;
  };
  return { pool: new WarmPool({ slots, start, log: pino({ level: "silent" }) }), started };
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
