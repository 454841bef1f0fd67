import { once } from "node:events";
import { createServer, type Server } from "node:net";
import { expect, test } from "vitest";
import { JobPortRanges, type JobPorts, type JobPortsOptions } from "./job-ports.ts";

/** Three blocks, in a part of the default range where no worker's search begins by chance alone. */
const RANGE = { first: 29_700, last: 29_762 };

function ranges(changes: Partial<JobPortsOptions> = {}): JobPortRanges {
  return new JobPortRanges({ range: RANGE, slots: 3, seed: 0, kind: "none", ...changes });
}

async function listenAt(port: number, host: string): Promise<Server> {
  const server = createServer().listen({ port, host, exclusive: true });
  await once(server, "listening");
  return server;
}

function release(ports: readonly JobPorts[]): void {
  for (const each of ports) each[Symbol.dispose]();
}

test("workers that share a range get blocks that do not meet, until there is none left; what is given back is given out again", async () => {
  const [one, another] = [ranges(), ranges()];
  const taken = [await one.take(), await another.take(), await one.take()];
  try {
    expect(new Set(taken.map(({ turnBase }) => turnBase))).toEqual(new Set([29_700, 29_721, 29_742]));
    for (const { turnBase, commandBase } of taken) expect(commandBase).toBe(turnBase + 10);
    await expect(another.take()).rejects.toMatchObject({ code: "SANDBOX_UNAVAILABLE", message: expect.stringContaining("29700-29762") });
    release(taken.splice(1, 1));
    taken.push(await another.take());
    expect(taken.at(-1)?.turnBase).toBe(29_721);
  } finally {
    release(taken);
  }
});

test.each(["127.0.0.1", "::1", "0.0.0.0"])("a block in which somebody listens at %s is passed over", async (host) => {
  const server = await listenAt(29_715, host);
  const ports = await ranges().take();
  try {
    expect(ports.turnBase).toBe(29_721);
  } finally {
    release([ports]);
    server.close();
  }
});

test("a block can be listened on by who has it", async () => {
  using ports = await ranges().take();
  const servers = await Promise.all(Array.from({ length: 20 }, (_, index) => listenAt(ports.turnBase + index, "0.0.0.0")));
  for (const server of servers) server.close();
  expect(servers).toHaveLength(20);
});

test("an attempt that goes on has its own block again, also where its agent listens there, and nobody else gets it", async () => {
  const server = await listenAt(29_700, "127.0.0.1");
  const again = ranges({ seed: 3 });
  await again.keep([29_700]);
  const [kept, next] = [await again.takeAgain(29_700), await again.take()];
  try {
    expect(kept.turnBase).toBe(29_700);
    expect(next.turnBase).toBe(29_721);
  } finally {
    release([kept, next]);
    server.close();
  }
});

test("a range that is too small for the slots is refused, with what is needed", () => {
  expect(() => ranges({ slots: 4 })).toThrow(expect.objectContaining({ code: "INVALID_CONFIG", message: expect.stringContaining("29700-29762") }));
  expect(() => ranges({ slots: 4 })).toThrow(/room for 3 jobs at once, and the worker has 4 slots/);
});

test("in containers all jobs have the same ports, as each has a network of its own", async () => {
  const containers = ranges({ kind: "docker", slots: 100 });
  expect((await containers.take()).turnBase).toBe(29_700);
  expect((await containers.take()).turnBase).toBe(29_700);
});
