import { newId } from "@slipway/protocol/scalars";
import fc from "fast-check";
import { expect, test } from "vitest";
import { WaitingRoom } from "./waiting-room.ts";

const TASKS = { kinds: ["task"], capabilities: ["a"] };
const never = new AbortController().signal;

function job(id: string, requires: string[] = []) {
  return { id, kind: "task" as const, requires, backend: "script", backendConfig: {} };
}

/** Jobs that can be claimed, and claims of them as the store makes them: one after another, the oldest first. */
class Queue {
  readonly room = new WaitingRoom();
  readonly open: Array<{ id: string; requires: string[] }> = [];
  tries = 0;

  add(id: string, requires: string[] = []): void {
    this.open.push({ id, requires });
    this.room.offer(job(id, requires));
  }

  claim(capabilities: string[], signal = never): Promise<string | null> {
    const attempt = async (): Promise<string | null> => {
      this.tries += 1;
      await Promise.resolve();
      const index = this.open.findIndex(({ requires }) => requires.every((capability) => capabilities.includes(capability)));
      return index < 0 ? null : (this.open.splice(index, 1)[0]?.id ?? null);
    };
    return this.room.serve({ kinds: ["task"], capabilities }, attempt, (id) => id, { waitMs: 60_000, signal });
  }
}

async function settle(): Promise<void> {
  for (let turn = 0; turn < 50; turn += 1) await Promise.resolve();
}

test("one offer wakes one waiter", async () => {
  const queue = new Queue();
  const claims = [queue.claim(["a"]), queue.claim(["a"]), queue.claim(["a"])];
  await settle();
  queue.tries = 0;
  queue.add("1");
  expect(await Promise.race(claims)).toBe("1");
  expect(queue.tries).toBe(1);
  expect(queue.room.size).toBe(2);
  queue.room.close();
  expect((await Promise.all(claims)).filter((taken) => taken === null)).toHaveLength(2);
});

test("who is dismissed goes home with nothing, and the job goes to somebody else", async () => {
  const queue = new Queue();
  const frozen = queue.room.serve(TASKS, async () => null, String, { waitMs: 60_000, signal: never, owner: "frozen" });
  await settle();
  const other = queue.claim(["a"]);
  await settle();
  queue.room.dismiss("frozen");
  queue.add("1");
  expect(await frozen).toBeNull();
  expect(await other).toBe("1");
  queue.room.close();
});

test("an offer that comes while the claim is being tried is not lost", async () => {
  const room = new WaitingRoom();
  const answers: Array<string | null> = [null, "late"];
  const taken = room.serve(
    TASKS,
    async () => {
      const answer = answers.shift() ?? null;
      if (answer === null) room.offer(job("late"));
      return answer;
    },
    (id) => id,
    { waitMs: 60_000, signal: never },
  );
  expect(await taken).toBe("late");
});

test("a waiter that goes away hands its offer on", async () => {
  const queue = new Queue();
  const gone = new AbortController();
  const [first, second] = [queue.claim(["a"], gone.signal), queue.claim(["a"])];
  await settle();
  queue.room.offer(job("1"));
  gone.abort();
  queue.open.push({ id: "1", requires: [] });
  expect(await Promise.race([first.then((taken) => taken ?? second), second])).toBe("1");
});

test("something free for anybody goes on through the waiters until nothing is left", async () => {
  const queue = new Queue();
  const claims = [queue.claim(["a"]), queue.claim(["a"]), queue.claim(["b"])];
  await settle();
  queue.open.push({ id: "1", requires: ["a"] }, { id: "2", requires: ["a"] }, { id: "3", requires: ["b"] });
  queue.room.offerAny();
  expect(await Promise.all(claims)).toEqual(["1", "2", "3"]);
});

test("whatever the order, no job waits beside a waiter that could take it", async () => {
  const step = fc.oneof(
    fc.record({ do: fc.constant("claim" as const), capabilities: fc.subarray(["a", "b"]) }),
    fc.record({ do: fc.constant("add" as const), requires: fc.subarray(["a", "b"]) }),
    fc.record({ do: fc.constant("leave" as const), index: fc.nat(9) }),
    fc.record({ do: fc.constant("settle" as const) }),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
      const queue = new Queue();
      const waiting = new Map<AbortController, { capabilities: string[] }>();
      for (const next of steps) {
        if (next.do === "claim") {
          const controller = new AbortController();
          waiting.set(controller, next);
          void queue.claim(next.capabilities, controller.signal).finally(() => waiting.delete(controller));
        } else if (next.do === "add") queue.add(newId(), next.requires);
        else if (next.do === "leave") [...waiting.keys()][next.index]?.abort();
        else await settle();
      }
      await settle();
      for (const { requires } of queue.open) {
        for (const { capabilities } of waiting.values()) expect(requires.every((capability) => capabilities.includes(capability))).toBe(false);
      }
      queue.room.close();
    }),
    { numRuns: 300 },
  );
});
