import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Client } from "@slipway/protocol/client";
import { ANSWER_ARTIFACT, type JobDetail } from "@slipway/protocol/job";
import { execa } from "execa";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { KINDS } from "../sandbox/kinds.ts";
import { ended, logText, submitScript } from "../support/jobs.ts";
import { git, makeRepository, type TestRepository } from "../support/repository.ts";
import { Stack } from "../support/stack.ts";

/** Read-only jobs of the script backend in each kind of sandbox, with warm sandboxes and shared bases where the machine has them. */

const MAIN = join(import.meta.dirname, "../../apps/cli/src/main.ts");
const CONFIG = "setup:\n  commands: [echo prepared > cache]\n  network: none\ngates:\n  - {name: never, run: 'false'}\n";
const KINDS_HERE = (["bwrap", "none", "docker"] as const).filter((kind) => KINDS.includes(kind));
const LOOK = [{ shell: "cat sum cache; git log --format=%s" }, { shell: "echo kept > ~/kept" }, { print: "The sum is 3." }];

describe.each(KINDS_HERE)("a read-only job in the %s sandbox", (sandbox) => {
  let stack: Stack;
  let repository: TestRepository;
  let client: Client;

  beforeAll(async () => {
    stack = await Stack.start({ sandbox });
    client = await stack.client();
    repository = await makeRepository({ ".slipway.yaml": CONFIG, ".gitignore": "cache\n", sum: "3\n" });
    await repository.register(client, "sums");
  }, 60_000);

  afterAll(async () => {
    await stack?.[Symbol.asyncDispose]();
    await repository?.[Symbol.asyncDispose]();
  });

  async function ask(steps: unknown[]): Promise<JobDetail> {
    return await ended(client, await submitScript(client, "sums", [steps], { readOnly: true }));
  }

  async function eventsOf(job: string) {
    const events = [];
    for await (const frame of client.follow(job)) if (frame.type === "event") events.push(frame.event);
    return events;
  }

  test("ends with the agent's answer, after the setup, without gates, commit or completion; a second one too", async () => {
    for (const _ of ["first", "second, for which a sandbox was started ahead"]) {
      const detail = await ask(LOOK);
      expect(detail.job, JSON.stringify(detail.job.failure)).toMatchObject({ state: "done", readOnly: true, resultOid: null, landedOid: null, diffStat: null });
      expect(detail).toMatchObject({ attempts: [{ outcome: "answer" }], completion: null, receipts: [] });
      expect(Buffer.from(await client.artifact(detail.job.id, ANSWER_ARTIFACT)).toString()).toBe("The sum is 3.");
      const events = await eventsOf(detail.job.id);
      expect(logText(events, "stdout")).toContain("3\nprepared\nStart\n");
      expect(events.filter(({ kind }) => kind === "gate")).toEqual([]);
    }
  }, 90_000);

  const inSandbox = sandbox === "none" ? undefined : test;
  const onHost = sandbox === "none" ? test : undefined;

  inSandbox?.(
    "its agent cannot change the workspace",
    async () => {
      const change = "echo 4 > sum; echo new > new; rm .git/HEAD; mount -o remount,rw . 2>/dev/null; echo 5 > sum; cat sum";
      const detail = await ask([{ shell: { command: change, expectExit: "any" } }, { print: "Done." }]);
      expect(detail.job, JSON.stringify(detail.job.failure)).toMatchObject({ state: "done" });
      const events = await eventsOf(detail.job.id);
      expect(logText(events, "stderr").match(/read-only file system/gi)?.length, logText(events, "stderr")).toBe(4);
      expect(logText(events, "stdout")).toBe("3\n");
    },
    60_000,
  );

  onHost?.(
    "a change that nothing kept the agent from is READ_ONLY_VIOLATED, and is kept for people to look at",
    async () => {
      const detail = await ask([{ shell: "echo 4 > sum" }, { print: "Done." }]);
      expect(detail.job).toMatchObject({ state: "failed", failure: { code: "READ_ONLY_VIOLATED", details: { paths: ["sum"] } } });
      expect(detail.attempts[0]?.keptOid).toMatch(/^[0-9a-f]{40}$/);
    },
    60_000,
  );

  test("`slipway run --read-only` prints the answer, and leaves checkout and branches alone", async () => {
    const script = join(stack.data, "steps.json");
    await writeFile(script, JSON.stringify({ turns: [[...LOOK, { print: "It is\n  3." }]] }));
    const env = { SLIPWAY_URL: stack.url, SLIPWAY_TOKEN_FILE: join(stack.data, "tokens/admin.token"), NO_COLOR: "1" };
    const slipway = async (...args: string[]) => await execa(process.execPath, [MAIN, ...args], { cwd: repository.root, env, reject: false });
    const job = ["What is the sum?", "--backend-config", `script=@${script}`, "--read-only"];
    const run = await slipway("run", ...job, "--quiet");
    expect([run.exitCode, run.stderr]).toEqual([0, ""]);
    expect(run.stdout).toContain("It is\n  3.\n");
    expect(await git(repository.root, "branch", "--list", "slipway/*")).toBe("");
    const asJson = await slipway("run", ...job, "--json");
    expect(JSON.parse(asJson.stdout)).toMatchObject({ job: { state: "done", readOnly: true }, answer: "It is\n  3." });
    const refused = await slipway("submit", ...job, "--into", "main");
    expect(refused.stderr).toMatch(/INVALID_REQUEST: target: a read-only job lands nothing/);
  }, 90_000);
});
