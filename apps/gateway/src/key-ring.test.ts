import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Provider, providerSchema } from "@slipway/protocol/gateway-config";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { KeyRing } from "./key-ring.ts";
import { Keys } from "./keys.ts";

let data: string;
let ring: KeyRing;
beforeEach(async () => {
  data = await mkdtemp(join(tmpdir(), "slipway-keys-"));
  await mkdir(join(data, "secrets/gateway"), { recursive: true });
  await put("FIRST", "sk-first");
  await put("SECOND", "sk-second");
  ring = new KeyRing(new Keys(data));
});
afterEach(async () => {
  vi.useRealTimers();
  await rm(data, { recursive: true });
});

const put = (name: string, value: string) => writeFile(join(data, "secrets/gateway", name), value, { mode: 0o600 });
const provider = (more: object = {}): Provider => providerSchema.parse({ baseUrl: "http://x/v1", key: "FIRST", moreKeys: ["SECOND"], ...more });
const never = new AbortController().signal;

test("the first key that is there is taken, and another one while it rests", async () => {
  using first = await ring.acquire(provider(), never);
  expect(first).toMatchObject({ name: "FIRST", value: "sk-first" });
  if (first) ring.rest(first, "BACKEND_AUTH", undefined);
  using second = await ring.acquire(provider(), never);
  expect(second?.name).toBe("SECOND");
  expect(ring.take(provider(), new Set(["SECOND"]))).toBeUndefined();
  // All rest: the vendor shall say itself what is wrong.
  if (second) ring.rest(second, "BACKEND_QUOTA", undefined);
  using either = await ring.acquire(provider(), never);
  expect(either?.name).toBe("FIRST");
  if (first) ring.good(first);
  using again = await ring.acquire(provider(), never);
  expect(again?.name).toBe("FIRST");
});

test("a key that is replaced does not rest; one whose vendor names a time rests so long", async () => {
  vi.useFakeTimers({ toFake: ["performance", "setTimeout", "clearTimeout"] });
  const use = async (): Promise<string> => {
    using held = await ring.acquire(provider(), never);
    return held?.name ?? "";
  };
  {
    using held = await ring.acquire(provider(), never);
    if (held) ring.rest(held, "BACKEND_RATE_LIMITED", 3_000);
  }
  expect(await use()).toBe("SECOND");
  vi.advanceTimersByTime(3_001);
  expect(await use()).toBe("FIRST");
  {
    using held = await ring.acquire(provider(), never);
    if (held) ring.rest(held, "BACKEND_AUTH", undefined);
  }
  expect(await use()).toBe("SECOND");
  await put("FIRST", "sk-another");
  expect(await use()).toBe("FIRST");
});

test("keyConcurrency: the next key is taken, then calls wait until one is released", async () => {
  const limited = provider({ keyConcurrency: 1 });
  const [one, two] = [await ring.acquire(limited, never), await ring.acquire(limited, never)];
  expect([one?.name, two?.name]).toEqual(["FIRST", "SECOND"]);
  const waiting = ring.acquire(limited, never);
  two?.[Symbol.dispose]();
  // Releasing twice frees one place.
  two?.[Symbol.dispose]();
  const three = await waiting;
  expect(three?.name).toBe("SECOND");
  const gone = new AbortController();
  const given = ring.acquire(limited, gone.signal);
  gone.abort(new Error("the agent is gone"));
  await expect(given).rejects.toThrow("the agent is gone");
});

test("keyRequestsPerMinute: a call waits for the minute to pass, and one that would wait too long is told when to come again", async () => {
  vi.useFakeTimers({ toFake: ["performance", "setTimeout", "clearTimeout"] });
  const limited = provider({ moreKeys: [], keyRequestsPerMinute: 1 });
  (await ring.acquire(limited, never))?.[Symbol.dispose]();
  vi.advanceTimersByTime(20_000);
  const later = ring.acquire(limited, never);
  await vi.advanceTimersByTimeAsync(40_001);
  expect((await later)?.name).toBe("FIRST");
  const crowded = provider({ moreKeys: [], keyConcurrency: 1 });
  const refused = expect(ring.acquire(crowded, never)).rejects.toMatchObject({ code: "BACKEND_RATE_LIMITED", details: { retryAfterMs: expect.any(Number) } });
  await vi.advanceTimersByTimeAsync(60_001);
  await refused;
});

test("a key that is missing is passed over; where all are, the first one is named", async () => {
  await rm(join(data, "secrets/gateway/FIRST"));
  expect((await ring.acquire(provider(), never))?.name).toBe("SECOND");
  await rm(join(data, "secrets/gateway/SECOND"));
  await expect(ring.acquire(provider(), never)).rejects.toMatchObject({ code: "SECRET_MISSING", details: { key: "FIRST" } });
  expect(await ring.acquire(provider({ key: null, moreKeys: [] }), never)).toBeNull();
});
