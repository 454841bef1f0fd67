import type { Client } from "@slipway/protocol/client";
import type { JobEvent } from "@slipway/protocol/events";
import { afterAll, beforeAll, expect, test } from "vitest";
import { allEvents, ended, submitScript } from "../support/jobs.ts";
import type { Moment } from "../support/kill-switch.ts";
import { makeRepository, type TestRepository } from "../support/repository.ts";
import { Stack } from "../support/stack.ts";

/** A conflict, and `kill -9` while it is told: the job is queued once for its agent, whoever dies when, and lands once. */

let stack: Stack;
const repositories: TestRepository[] = [];
beforeAll(async () => {
  stack = await Stack.start({ sandbox: "none", slots: 2 });
}, 60_000);
afterAll(async () => {
  await stack?.[Symbol.asyncDispose]();
  for (const repository of repositories) await repository[Symbol.asyncDispose]();
});

/** A job that conflicts with what has landed; its agent settles that in its second turn. */
async function conflicting(client: Client, name: string): Promise<() => Promise<string>> {
  const repository = await makeRepository({ a: "one\n" });
  repositories.push(repository);
  await repository.register(client, name);
  const base = await repository.head();
  const write = (content: string) => [{ write: { path: "a", content } }];
  const first = await submitScript(client, name, [write("first\n")], { base, target: "main" });
  expect((await ended(client, first)).job.state).toBe("done");
  return async () => await submitScript(client, name, [write("mine\n"), write("first, mine\n")], { base, target: "main" });
}

const REJECT = /^POST \/v1\/completions\/.*\/reject$/;
const SECOND_ATTEMPT = /^POST \/v1\/attempts\/[^/]+\/2\/events$/;
const moments: ReadonlyArray<{ name: string; victim: "server" | "integrator" | "worker"; at: Moment }> = [
  { name: "server-before", victim: "server", at: { request: REJECT, when: "before" } },
  { name: "server-after", victim: "server", at: { request: REJECT, when: "after" } },
  { name: "integrator-before", victim: "integrator", at: { request: REJECT, when: "before" } },
  { name: "integrator-after", victim: "integrator", at: { request: REJECT, when: "after" } },
  { name: "worker-at-the-start", victim: "worker", at: { request: SECOND_ATTEMPT, when: "before" } },
  { name: "worker-in-the-merge", victim: "worker", at: { request: /\/events$/, body: /begins with the change merged onto main/, when: "before" } },
  { name: "server-in-the-turn", victim: "server", at: { request: /\/events$/, body: /"reason":"revision"/, when: "after" } },
];

test.each(moments)(
  "kill -9: $name",
  async ({ name, victim, at }) => {
    const client = await stack.client();
    const submit = await conflicting(client, name);
    const killed = stack.between.arm(at, async () => await stack.crash(victim));
    const id = await submit();
    await killed;
    const { job } = await ended(client, id);
    expect(job, JSON.stringify(job.failure)).toMatchObject({ state: "done", revision: { number: 1, paths: ["a"] } });
    const moves = (await allEvents(client, id)).flatMap((event: JobEvent) => (event.kind === "state" ? [event.data.on] : []));
    expect(moves.filter((on) => on === "revise")).toHaveLength(1);
    expect(moves.filter((on) => on === "land")).toHaveLength(1);
    expect(await client.diff(id)).toContain("-first\n+first, mine");
  },
  120_000,
);
