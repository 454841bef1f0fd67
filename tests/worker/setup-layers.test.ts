import { readdir } from "node:fs/promises";
import { join } from "node:path";
import type { JobEvent } from "@slipway/protocol/events";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { allEvents, ended, logText } from "../support/jobs.ts";
import { NOTHING_LEFT } from "../support/leftovers.ts";
import { CONFIG, FILES, SETUP, SHOW, setupDetail, setupScene } from "../support/setup-scene.ts";
import { whyNoMount } from "../support/small-disk.ts";
import { Stack, type StackOptions } from "../support/stack.ts";

/** What a setup makes is shared by jobs, and by those alone that may have it. */

vi.setConfig({ testTimeout: 120_000, hookTimeout: 60_000 });

const KINDS = ["worktree", ...(whyNoMount() ? [] : (["overlay"] as const))] as const;
if (KINDS.length === 1) console.warn(`left out: setup layers under overlays: ${whyNoMount()}`);

function sharedStack(options: StackOptions): () => Stack {
  let stack: Stack | undefined;
  beforeAll(async () => {
    stack = await Stack.start({ slots: 2, verifySlots: 1, ...options });
  });
  afterAll(async () => await stack?.[Symbol.asyncDispose]());
  return () => {
    if (!stack) throw new Error("the stack has not started");
    return stack;
  };
}

function warnings(events: readonly JobEvent[]): string {
  return events.flatMap((event) => (event.kind === "notice" && event.data.level === "warning" ? [event.data.text] : [])).join("\n");
}

describe.each(KINDS)("setup layers with workspaces of the kind %s", (kind) => {
  const current = sharedStack({ workerFlags: ["--workspaces", kind] });

  test("the second job, and a verification, have what the first one's setup made; what a job changes there stays its own", async () => {
    await using at = await setupScene(current());
    const first = await at.run([{ shell: `${SHOW}; echo broken > node_modules/run; rm -r packages/a/node_modules; echo 1 > new` }]);
    expect(first.detail.job, JSON.stringify(first.detail.job.failure)).toMatchObject({ state: "done" });
    expect(first.said).toMatch(/^\d+\none\nlinked\n$/);
    expect(setupDetail(first.events)).toBeUndefined();
    const second = await at.run([{ shell: `${SHOW}; echo 2 > other` }]);
    expect(second.said).toBe(first.said);
    expect(setupDetail(second.events)).toBe(`kept, made by job ${first.detail.job.number}`);
    expect(await at.layers()).toHaveLength(1);
  });

  test("another content of an input has another layer, a change elsewhere has the same, and a worker that starts again finds them", async () => {
    await using at = await setupScene(current());
    const first = await at.run([{ shell: `${SHOW}; echo 1 > new` }]);
    await at.commit("packages/a/code", "2");
    await at.stack.signal("worker", "SIGTERM");
    await at.stack.start("worker");
    const same = await at.run([{ shell: SHOW }, { write: { path: "new", content: "2" } }], { base: await at.repository.head() });
    expect(same.said).toBe(first.said);
    await at.commit("lock", "two\n");
    const other = await at.run([{ shell: SHOW }, { write: { path: "new", content: "3" } }], { base: await at.repository.head() });
    expect(other.said).toMatch(/^\d+\ntwo\nlinked\n$/);
    expect(await at.layers()).toHaveLength(2);
  });

  test("two jobs at once wait for one setup, and both fail with its failure", async () => {
    await using at = await setupScene(current(), { ...FILES, ".slipway.yaml": CONFIG({ commands: ["sleep 1; echo no such package; exit 3"] }) });
    const both = await Promise.all([at.run([{ shell: "true" }], { maxAttempts: 1 }), at.run([{ shell: "true" }], { maxAttempts: 1 })]);
    for (const { detail } of both) expect(detail.job.failure).toMatchObject({ code: "SETUP_FAILED", message: expect.stringContaining("no such package") });
    expect(both.filter(({ events }) => logText(events, "setup") !== "")).toHaveLength(1);
    expect(await at.layers()).toEqual([]);
  });

  test("what an agent changed makes a layer for its very files alone, and nobody else's", async () => {
    await using at = await setupScene(current(), {
      ...FILES,
      helper: "echo clean",
      ".slipway.yaml": CONFIG({ commands: [`${SETUP} && sh helper > node_modules/helped`] }, "cat node_modules/helped"),
    });
    // The input stays the same, and what the setup reads beside it does not: no declared input tells of that.
    const poisoned = await at.run([{ shell: "echo 'echo poison' > helper; echo changed > lock" }], { target: "agents/work" });
    expect(poisoned.detail.job, JSON.stringify(poisoned.detail.job.failure)).toMatchObject({ state: "done" });
    const base = poisoned.detail.job.landedOid ?? "";
    const verified = await allEvents(at.client, poisoned.detail.completion?.verifyJobId ?? "");
    expect(logText(verified, "gate:has")).toBe("poison\n");
    // On the poisoned commit itself it is right; and a person's commit with that lock file has its own.
    expect((await at.run([{ shell: "cat node_modules/helped; echo 1 > new" }], { base })).said).toBe("poison\n");
    await at.commit("lock", "changed\n");
    expect((await at.run([{ shell: "cat node_modules/helped; echo 1 > new" }], { base: await at.repository.head() })).said).toBe("clean\n");
  });

  test("after all of them nothing is left over", async () => {
    await current().stop();
    expect(await current().leftovers()).toEqual(NOTHING_LEFT);
  });
});

describe("with a stack for all", () => {
  const current = sharedStack({});

  test("a setup runs in a home of its own, not in the one that an earlier attempt's agent has written", async () => {
    const setup = { commands: ["mkdir node_modules; cat ~/.npmrc > node_modules/settings 2>&1; true"], inputs: undefined };
    await using at = await setupScene(current(), { ...FILES, ".slipway.yaml": CONFIG(setup, "cat node_modules/settings") });
    const steps = [{ shell: "echo evil > ~/.npmrc; rm -r node_modules; echo 1 > new; exit 1" }];
    const { detail, events } = await at.run(steps, { maxAttempts: 2 });
    expect(detail.attempts.length, JSON.stringify(detail.job.failure)).toBeGreaterThan(0);
    expect(logText(events, "stdout")).not.toContain("evil");
    const next = await at.run([{ shell: "cat node_modules/settings; echo 1 > new" }]);
    expect(next.said).toContain("No such file");
  });

  test.each([
    ["changes a tracked file", { commands: [`${SETUP}; echo 2 >> lock`] }, "changed files that are tracked: lock"],
    ["makes what git does not ignore", { commands: ["mkdir vendor; echo 1 > vendor/a"], outputs: ["vendor"] }, "git does not ignore vendor"],
    ["makes nothing", { commands: ["true"] }, "made nothing of what `setup.outputs` names: node_modules, packages/*/node_modules"],
    ["breaks its repository", { commands: [`${SETUP}; rm -r .git`] }, "git could not say what the setup changed"],
  ])("a setup that %s fails, and says why", async (_, setup, message) => {
    await using at = await setupScene(current(), { ...FILES, ".slipway.yaml": CONFIG(setup) });
    const { detail } = await at.run([{ shell: "true" }], { maxAttempts: 1 });
    expect(detail.job.failure).toMatchObject({ code: "SETUP_FAILED", message: expect.stringContaining(message) });
    expect(await at.layers()).toEqual([]);
  });

  test("an input that is not there is an error that names it", async () => {
    await using at = await setupScene(current(), { ...FILES, ".slipway.yaml": CONFIG({ inputs: ["lock", "lokc"] }) });
    const { detail } = await at.run([{ shell: "true" }], { maxAttempts: 1 });
    expect(detail.job.failure).toMatchObject({ code: "INVALID_CONFIG", details: { path: "setup.inputs", value: "lokc" } });
  });

  test("what a setup makes beside its outputs is not kept, and is named", async () => {
    await using at = await setupScene(
      {},
      { ...FILES, ".gitignore": "node_modules\ncache\n", ".slipway.yaml": CONFIG({ commands: [`${SETUP}; mkdir cache; echo 1 > cache/a; echo 1 > stray`] }) },
    );
    const { events, said } = await at.run([{ shell: "ls -d cache stray node_modules; echo 1 > new" }]);
    expect(said).toContain("node_modules\n");
    expect(said).not.toMatch(/^(cache|stray)$/m);
    expect(warnings(events)).toContain("The setup made files that `setup.outputs` does not name: stray, cache.");
  });

  test("a worker that is killed while a setup runs goes on, runs it anew, and leaves nothing behind", async () => {
    await using at = await setupScene(current(), { ...FILES, ".slipway.yaml": CONFIG({ commands: ["echo at work; test -e /tmp/never || sleep 1", SETUP] }) });
    const id = await at.submit([{ shell: SHOW }, { write: { path: "new", content: "1" } }]);
    for await (const frame of at.client.follow(id)) if (frame.type === "event" && logText([frame.event], "setup").includes("at work")) break;
    await at.stack.crash("worker");
    const { job, attempts } = await ended(at.client, id);
    expect(job, JSON.stringify(job.failure)).toMatchObject({ state: "done" });
    expect(attempts).toHaveLength(1);
    expect(await at.layers()).toHaveLength(1);
    await at.stack.stop();
    expect(await at.stack.leftovers()).toEqual(NOTHING_LEFT);
    const repositories = join(at.stack.data, "worker/repositories");
    const [store = ""] = await readdir(repositories);
    expect(await readdir(join(repositories, store, "upstream.git/worktrees"))).toEqual([]);
  });
});

test("nothing is shared without a sandbox, where each workspace has another path", async () => {
  await using at = await setupScene({ sandbox: "none" });
  const said = [await at.run([{ shell: `${SHOW}; echo 1 > new` }]), await at.run([{ shell: `${SHOW}; echo 2 > new` }])].map((run) => run.said);
  expect(new Set(said).size).toBe(2);
  expect(await at.layers()).toEqual([]);
});
