import { execa } from "execa";
import { describe, expect, test } from "vitest";
import { createSandboxProvider } from "../../apps/worker/src/sandbox/create.ts";
import { SANDBOX_LABEL, WORKER_LABEL } from "../../apps/worker/src/sandbox/docker/labels.ts";
import { INSTALL_ROOT, never, openBench, shell } from "../sandbox/bench.ts";
import { testImage } from "../support/docker-image.ts";
import { containersOf, hasEngine } from "./engine.ts";

/** A worker ends what carries its own label, and nothing else. */

describe.runIf(hasEngine)("the containers of a worker", () => {
  test("strays go, known sandboxes and those of others stay", async () => {
    await using bench = await openBench("docker");
    await using neighbours = await openBench("docker");
    const [kept, stray, foreign] = [await bench.start(), await bench.start(), await neighbours.start()];
    await bench.provider.removeStrays?.(new Set([kept.record.spec.id]));
    await expect.poll(() => containersOf(bench.data)).toHaveLength(1);
    expect(await kept.ping?.(5_000)).toBe(true);
    expect(await foreign.ping?.(5_000)).toBe(true);
    expect(await stray.ping?.(500)).toBe(false);
    // A record with a container's id, but another sandbox's or worker's label, hits nothing.
    const record = { ...kept.record, container: foreign.record.container };
    expect(await bench.provider.attach(record)).toBeUndefined();
    await bench.provider.reclaim({ ...foreign.record, container: kept.record.container });
    expect(await kept.ping?.(5_000)).toBe(true);
    expect(await foreign.ping?.(5_000)).toBe(true);
  }, 90_000);

  test("what a worker leaves behind that is killed in the middle of a command goes at the next start", async () => {
    await using bench = await openBench("docker");
    const labels = ["--label", `${WORKER_LABEL}=${bench.data}`, "--label", `${SANDBOX_LABEL}=of-nobody`];
    // As it is left where a hostile command ended the watch over its worker.
    await execa("docker", ["run", "--detach", "--rm", "--network", "none", ...labels, await testImage(), "sleep", "600"]);
    expect(await containersOf(bench.data)).toHaveLength(1);
    await bench.provider.removeStrays?.(new Set());
    await expect.poll(() => containersOf(bench.data)).toEqual([]);
  }, 60_000);

  test("an image whose runner is of another version, or that is not there, is refused with what to do", async () => {
    await using bench = await openBench("docker");
    const name = `slipway-test/other:${process.pid}`;
    await execa("docker", ["build", "--tag", name, "-"], {
      input: `FROM ${await testImage()}\nLABEL dev.slipway.runner=another\n`,
      env: { DOCKER_BUILDKIT: "0" },
    });
    try {
      for (const [image, reason] of [
        [name, "another version"],
        ["slipway-test/nowhere:1", "has no image"],
      ]) {
        const docker = { images: [image ?? ""], workerLabel: bench.data };
        const provider = createSandboxProvider("docker", { runtimeFolder: bench.runtimeFolder, installRoot: INSTALL_ROOT, maskPaths: [], docker });
        await expect(provider.probe()).rejects.toMatchObject({
          code: "SANDBOX_UNAVAILABLE",
          message: expect.stringContaining(reason ?? ""),
          details: expect.objectContaining({ hint: expect.stringContaining("slipway images build") }),
        });
      }
    } finally {
      await execa("docker", ["rmi", name]);
    }
  }, 60_000);

  test("a command that was expected waits in a container of its own, is there at once, and what nobody takes goes", async () => {
    await using bench = await openBench("docker");
    const sandbox = await bench.start();
    sandbox.expect?.({ network: "none" });
    const commands = async (): Promise<string[]> => (await containersOf(bench.data)).filter((line) => / command Up /.test(line));
    await expect.poll(commands, { timeout: 20_000 }).toHaveLength(1);
    const [waiting = ""] = await commands();
    expect((await sandbox.run(shell("echo $HOSTNAME; cat /proc/1/cmdline | wc -c"), never())).exitCode).toBe(0);
    await expect.poll(commands, { timeout: 20_000 }).not.toContain(waiting);
    sandbox.expect?.({ network: "none" });
    await expect.poll(commands, { timeout: 20_000 }).toHaveLength(1);
    // The first end leaves it for the commit, the second says that there will be none.
    await sandbox.end();
    await sandbox.end();
    await expect.poll(() => containersOf(bench.data), { timeout: 20_000 }).toEqual([]);
  }, 90_000);
});
