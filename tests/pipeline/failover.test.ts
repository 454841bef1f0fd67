import { probeBubblewrap } from "@slipway/cli/stack/sandbox-probe";
import type { Client } from "@slipway/protocol/client";
import { afterAll, beforeAll, expect, test } from "vitest";
import { allEvents, ended, submitScript } from "../support/jobs.ts";
import { makeRepository, type TestRepository } from "../support/repository.ts";
import { Stack } from "../support/stack.ts";

/** Server, worker, runner, integrator and the script backend, all real: one backend hands its job over to the next, and one that fails again and again is left alone. */
let stack: Stack;
let repository: TestRepository;
let client: Client;
beforeAll(async () => {
  const sandbox = (await probeBubblewrap()).ok ? "bwrap" : "none";
  stack = await Stack.start({ sandbox, slots: 2, environment: { SLIPWAY_CIRCUIT_FAULTS: "2", SLIPWAY_CIRCUIT_COOL_DOWN: "1" } });
  const config = "setup:\n  commands: ['cat sum > seen-by-setup']\ngates:\n  - {name: sum, run: grep -qx 2 sum}\n";
  repository = await makeRepository({ sum: "3\n", old: "old\n", ".gitignore": "seen-by-setup\n", ".slipway.yaml": config });
  await repository.register(await stack.client(), "sample");
  client = await stack.client();
}, 60_000);
afterAll(async () => {
  await stack?.[Symbol.asyncDispose]();
  await repository?.[Symbol.asyncDispose]();
});

const quota = { fail: { code: "BACKEND_QUOTA", message: "No quota is left." } };
/** Another backend that is the script again: it differs by its settings. */
const fallback = (...steps: unknown[]) => ({ backend: "script", config: { script: { turns: [{ steps }] } } });

test("the next backend goes on from the work of the one that could not, and knows what it did", async () => {
  const first = [
    { plan: [{ text: "mend the sum", status: "done" }, { text: "tell of it" }] },
    { write: { path: "sum", content: "2\n" } },
    { write: { path: "dir/new", content: "half\n" } },
    { delete: "old" },
    { print: "I mended the sum." },
    quota,
  ];
  const second = fallback({ shell: "grep -qx 2 sum && grep -qx half dir/new && ! [ -e old ]" }, { write: { path: "prompt", content: "{{prompt}}" } });
  const id = await submitScript(client, "sample", [first], { fallbacks: [second], budget: { tokens: 1_000 } });
  const detail = await ended(client, id);
  const { job } = detail;
  expect(job, JSON.stringify(job.failure)).toMatchObject({
    state: "done",
    routing: { at: 1, cause: "failover" },
    handover: { failure: { code: "BACKEND_QUOTA" } },
  });
  expect(detail.attempts).toMatchObject([
    { fence: 1, outcome: "failed", failure: { code: "BACKEND_QUOTA" }, keptOid: job.handover?.oid },
    { fence: 2, outcome: "change" },
  ]);
  const patch = await client.diff(id);
  for (const text of ["+half", "+2", "deleted file mode 100644", "+modified sum", "+added dir/new", "+deleted old", "+[x] mend the sum", "+I mended the sum."])
    expect(patch).toContain(text);
  // What the agent wrote was not there yet when the setup ran, which has a network.
  expect(patch).toContain("BACKEND_QUOTA: No quota is left.");
  const events = await allEvents(client, id);
  const told = events.flatMap((event) =>
    event.kind === "notice" ? [event.data.text] : event.kind === "routing" ? [`${event.data.cause}: ${event.data.backend}`] : [],
  );
  expect(told).toEqual(
    expect.arrayContaining([
      "submit: script",
      "failover: script",
      "script takes over from script, which ended with BACKEND_QUOTA. Its changes of 3 files are in the workspace.",
    ]),
  );
}, 60_000);

test("without work there is nothing to hand over, and the last one's failure is the job's", async () => {
  const id = await submitScript(client, "sample", [[{ fail: { code: "CONTEXT_TOO_LONG", message: "Too long." } }]], {
    fallbacks: [fallback({ fail: { code: "MODEL_REFUSED", message: "No such model." } })],
  });
  const detail = await ended(client, id);
  expect(detail.job).toMatchObject({ state: "failed", failure: { code: "MODEL_REFUSED" }, handover: { oid: null, failure: { code: "CONTEXT_TOO_LONG" } } });
  expect(detail.attempts).toHaveLength(2);
}, 60_000);

test("a backend that failed twice in a row gets no job for a while; one tries it, and when that goes well all go on", async () => {
  const good = [[{ write: { path: "sum", content: "2\n" } }]];
  for (const _ of [1, 2]) expect((await ended(client, await submitScript(client, "sample", [[quota]]))).job.state).toBe("blocked");
  const { circuits } = await client.call("listCircuits", {});
  expect(circuits).toMatchObject([{ backend: "script", place: "the worker worker", faults: 2, code: "BACKEND_QUOTA" }]);
  const openUntil = circuits[0]?.openUntil ?? Number.NaN;
  const jobs = await Promise.all(["one", "two", "three"].map((name) => submitScript(client, "sample", good, { target: `circuit-${name}` })));
  const details = await Promise.all(jobs.map((job) => ended(client, job)));
  expect(details.map(({ job }) => job.state)).toEqual(["done", "done", "done"]);
  const attempts = details.flatMap((detail) => detail.attempts).toSorted((a, b) => a.startedAt - b.startedAt);
  const [canary, next] = attempts;
  expect(canary?.startedAt).toBeGreaterThanOrEqual(openUntil);
  expect(next?.startedAt).toBeGreaterThanOrEqual(canary?.endedAt ?? Number.POSITIVE_INFINITY);
  expect((await client.call("listCircuits", {})).circuits).toEqual([]);
}, 90_000);
