import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { codexEnvironment, jobEnvironment, launchOf } from "./launch.ts";

const own = { codexHome: "/home/agent/.codex", temporary: "/tmp" };

test("the process is the same for all jobs: arguments and environment say nothing of one", async () => {
  const home = await mkdtemp(join(tmpdir(), "slipway-codex-launch-"));
  try {
    const ahead = await launchOf("/bin/codex", home, { PATH: "/bin" });
    const env = { SLIPWAY_PORT_BASE: "4000", SLIPWAY_PORT_COUNT: "10", PATH: "/bin", SLIPWAY_JOB: "job-1" };
    expect(await launchOf("/bin/codex", home, env)).toEqual(ahead);
    expect(ahead).toMatchObject({
      cwd: home,
      args: expect.arrayContaining(["app-server", "features.unbounded_connection_retries=false", "features.hooks=false"]),
    });
    expect((await launchOf("/bin/codex", home, { ...env, LANG: "C" })).fingerprint).not.toBe(ahead.fingerprint);
    expect(jobEnvironment(env)).toEqual({ SLIPWAY_JOB: "job-1", SLIPWAY_PORT_BASE: "4000", SLIPWAY_PORT_COUNT: "10" });
  } finally {
    await rm(home, { recursive: true });
  }
});

test("the environment is the job's, but for what steers Codex", () => {
  const env = codexEnvironment({ PATH: "/bin", CODEX_API_KEY: "planted", CODEX_HOME: "/elsewhere", TMPDIR: "/old" }, own);
  expect(env).toEqual({ PATH: "/bin", CODEX_HOME: "/home/agent/.codex", TMPDIR: "/tmp" });
});

test("a proxy of the job does not get the requests to the gateway", () => {
  expect(codexEnvironment({ https_proxy: "http://proxy:3128", no_proxy: "intern" }, own)).toMatchObject({
    NO_PROXY: "intern,127.0.0.1,localhost",
    no_proxy: "intern,127.0.0.1,localhost",
  });
});
