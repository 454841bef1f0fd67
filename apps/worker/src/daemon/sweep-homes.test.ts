import { mkdir, mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Client } from "@slipway/protocol/client";
import { SlipwayError } from "@slipway/protocol/errors";
import { newId } from "@slipway/protocol/scalars";
import { pino } from "pino";
import { afterEach, beforeEach, expect, test } from "vitest";
import { Homes } from "./homes.ts";
import { HomeSweeper, sweepHomes } from "./sweep-homes.ts";

const log = pino({ level: "silent" });
let folder: string;
let homes: Homes;
const states = new Map<string, string>();
let asked: string[] = [];
let answered = Promise.withResolvers<string>();

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "slipway-homes-"));
  homes = new Homes(folder);
  states.clear();
  asked = [];
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** Answers as the server does: a job's state, or that there is none. */
const client = {
  call: async (_name: string, { params }: { params: { job: string } }) => {
    asked.push(params.job);
    const state = states.get(params.job);
    answered.resolve(params.job);
    if (state === undefined) throw new SlipwayError("NOT_FOUND");
    return { job: { state } };
  },
} as unknown as Pick<Client, "call">;

async function home(state?: string): Promise<string> {
  const id = newId();
  if (state) states.set(id, state);
  await mkdir(join(folder, id, "session"), { recursive: true });
  return id;
}

test("homes of jobs that are final or unknown go; all others stay, and what is no job's home is not asked about", async () => {
  const [waiting, landing] = [await home("queued"), await home("integrating")];
  await home("done");
  await home("failed");
  await home();
  await mkdir(join(folder, "not-a-job"));
  await sweepHomes(homes, client, log, new AbortController().signal);
  expect((await readdir(folder)).sort()).toEqual([waiting, landing, "not-a-job"].sort());
  expect(asked).not.toContain("not-a-job");
});

test("a home in use stays, also where an attempt takes it while the server is being asked", async () => {
  const [inUse, taken] = [await home("done"), await home("done")];
  expect(await homes.take(inUse)).toBeDefined();
  const takes = {
    call: async (name: string, request: { params: { job: string } }) => {
      await homes.take(taken);
      return await (client as unknown as { call: (...args: unknown[]) => Promise<unknown> }).call(name, request);
    },
  } as unknown as Pick<Client, "call">;
  await sweepHomes(homes, takes, log, new AbortController().signal);
  expect((await readdir(folder)).sort()).toEqual([inUse, taken].sort());
  homes.release(inUse);
  await sweepHomes(homes, client, log, new AbortController().signal);
  expect(await readdir(folder)).toEqual([taken]);
});

test("the sweeper comes by again and again, and at once where it is asked to", async () => {
  const stop = new AbortController();
  const job = await home("integrating");
  const often = new HomeSweeper({ homes, client, log, intervalMs: 1 });
  const sweeping = often.run(stop.signal);
  while (asked.length < 3) {
    answered = Promise.withResolvers();
    await answered.promise;
  }
  stop.abort();
  await sweeping;

  const rarely = new HomeSweeper({ homes, client, log });
  const again = new AbortController();
  answered = Promise.withResolvers();
  const running = rarely.run(again.signal);
  await answered.promise;
  states.set(job, "done");
  answered = Promise.withResolvers();
  // Asked for while a sweep is still under way, or during the rest after it: both are heard.
  rarely.soon();
  await answered.promise;
  again.abort();
  await running;
  expect(await readdir(folder)).toEqual([]);
});
