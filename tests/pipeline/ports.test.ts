import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { runAttempt } from "../../apps/worker/src/job/run-attempt.ts";
import { createSandboxProvider } from "../../apps/worker/src/sandbox/create.ts";
import { TestAttempt } from "../support/attempt-context.ts";
import { allEvents, ended, logText, submitScript } from "../support/jobs.ts";
import { makeRepository, type TestRepository } from "../support/repository.ts";
import { Stack } from "../support/stack.ts";

/** Jobs at once on one machine's network: each has ports of its own, and what takes `PORT` for its port meets nobody. */

const CONFIG = {
  version: 1,
  setup: { commands: ["node listen.cjs setup"] },
  gates: [{ name: "serves", run: "node listen.cjs gate && echo $SLIPWAY_PORT_COUNT" }],
};

describe("two jobs at once without a sandbox", () => {
  let stack: Stack;
  let meeting: string;
  let repository: TestRepository;
  beforeAll(async () => {
    stack = await Stack.start({ sandbox: "none", slots: 2, verifySlots: 2, workerFlags: ["--ports", "21000-21999"] });
    meeting = await mkdtemp(join(tmpdir(), "slipway-meeting-"));
    repository = await makeRepository({ "a.txt": "a\n", "listen.cjs": listenScript(meeting), ".slipway.yaml": JSON.stringify(CONFIG) });
    await repository.register(await stack.client(), "sample");
  }, 60_000);
  afterAll(async () => {
    await stack?.[Symbol.asyncDispose]();
    await repository?.[Symbol.asyncDispose]();
    if (meeting) await rm(meeting, { recursive: true, force: true });
  });

  test("listen on their PORT in setup, turn and gate while the other does, also beside a server that the agent left running", async () => {
    const client = await stack.client();
    const left = `require("node:net").createServer().listen(process.env.PORT, "0.0.0.0")`;
    const script = [[{ shell: "node listen.cjs turn" }, { daemon: `exec node -e '${left}'` }, { shell: "echo b > a.txt; echo $PORT $SLIPWAY_PORT_BASE" }]];
    const jobs = await Promise.all(["one", "two"].map((target) => submitScript(client, "sample", script, { target })));
    const details = await Promise.all(jobs.map((job) => ended(client, job)));
    for (const { job } of details) expect(job.state, JSON.stringify(job.failure)).toBe("done");
    const events = await Promise.all(jobs.map((job) => allEvents(client, job)));
    const ports = events.map((each) => /^(\d+) (\d+)$/m.exec(logText(each, "stdout")));
    expect(ports[0]?.[1]).toBe(ports[0]?.[2]);
    expect(new Set(ports.map((found) => found?.[1])).size).toBe(2);
    for (const port of ports.map((found) => Number(found?.[1]))) expect(port >= 21_000 && port <= 21_999).toBe(true);
    for (const each of events) expect(logText(each, "gate:serves")).toMatch(/^10$/m);
    // Each of the three was at work in both jobs at the same time, or it would not have ended.
    expect((await readdir(meeting)).filter((name) => name.startsWith("turn-"))).toHaveLength(2);
  }, 60_000);
});

test("in a sandbox with a network of its own a job has the usual ports, and is told of others by the same names", async () => {
  const runtimeFolder = await mkdtemp(join(tmpdir(), "slipway-run-"));
  const provider = createSandboxProvider("bwrap", { runtimeFolder, installRoot: join(import.meta.dirname, "../.."), maskPaths: [] });
  const files = {
    "a.txt": "a\n",
    ".slipway.yaml": JSON.stringify({
      setup: { commands: ["echo $PORT of $SLIPWAY_PORT_COUNT"] },
      gates: [{ name: "ports", run: "echo [$PORT], $SLIPWAY_PORT_BASE" }],
    }),
  };
  const script = { turns: [[{ shell: "echo b > a.txt; echo [$PORT], $SLIPWAY_PORT_BASE" }]] };
  await using attempt = await TestAttempt.make({ files, provider, toolchains: [], job: { backend: "script", backendConfig: { script } } });
  await runAttempt(await attempt.context());
  const { turnBase, commandBase } = (await attempt.context()).ports;
  // A setup may have the host's network.
  expect(attempt.logs.get("setup")).toMatch(new RegExp(`^${commandBase} of 10$`, "m"));
  expect(attempt.logs.get("gate:ports")).toBe(`[], ${commandBase}\n`);
  expect(attempt.logs.get("stdout")).toBe(`[], ${turnBase}\n`);
  await rm(runtimeFolder, { recursive: true, force: true });
});

/** Listens on PORT until a second process of the same kind does; of verify jobs there may be a third. */
function listenScript(meeting: string): string {
  return `const { createServer } = require("node:net");
const { readdirSync, watch, writeFileSync } = require("node:fs");
const [folder, kind] = [${JSON.stringify(meeting)}, process.argv[2]];
createServer().listen(process.env.PORT, "0.0.0.0", () => {
  writeFileSync(folder + "/" + kind + "-" + process.env.SLIPWAY_JOB, "");
  const look = () => { if (readdirSync(folder).filter((name) => name.startsWith(kind)).length >= 2) process.exit(0); };
  watch(folder, look);
  look();
});
`;
}
