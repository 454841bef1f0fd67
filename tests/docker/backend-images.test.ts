import { readdir } from "node:fs/promises";
import type { WorkerView } from "@slipway/protocol/worker-api";
import { execa } from "execa";
import { afterAll, describe, expect, test } from "vitest";
import { openBench } from "../sandbox/bench.ts";
import { testImage } from "../support/docker-image.ts";
import { allEvents, ended, submitScript } from "../support/jobs.ts";
import { git, makeRepository } from "../support/repository.ts";
import { Stack } from "../support/stack.ts";
import { hasEngine } from "./engine.ts";

/** A job runs in the image of its backend, where there is one; whether an agent is installed is a matter of that image. */

/** Where a worker looks for the image of the backend script, which `slipway images build` never makes. */
const SCRIPT_IMAGE = "slipway/script:0.1.0";
const BROKEN_CODEX = `slipway-test/broken-codex:${process.pid}`;

/** An image on the one of this checkout; without a network, which no step needs. */
async function makeImage(name: string, steps: string): Promise<string> {
  const input = `FROM ${await testImage()}\nUSER root\n${steps}\nUSER 1000\n`;
  await execa("docker", ["build", "--quiet", "--network", "none", "--tag", name, "-"], { input, env: { DOCKER_BUILDKIT: "0" } });
  return await idOf(name);
}

async function idOf(name: string): Promise<string> {
  return (await execa("docker", ["image", "inspect", "--format", "{{.Id}}", name])).stdout;
}

async function removeImage(name: string): Promise<boolean> {
  return !(await execa("docker", ["rmi", "--force", name], { reject: false })).failed;
}

describe.runIf(hasEngine)("images of backends", () => {
  afterAll(async () => await Promise.all([SCRIPT_IMAGE, BROKEN_CODEX].map(removeImage)));

  test("a job runs in its backend's image, its gates are verified in the worker's own; a newer image is followed, and one that fails is told of", async () => {
    const named = process.env["SLIPWAY_IMAGE"];
    delete process.env["SLIPWAY_IMAGE"];
    const scriptId = await makeImage(SCRIPT_IMAGE, "RUN echo of script >/etc/image-mark");
    await using stack = await Stack.start({ sandbox: "docker", slots: 1, verifySlots: 1 });
    process.env["SLIPWAY_IMAGE"] = named;
    const client = await stack.client();
    const worker = async (): Promise<WorkerView | undefined> => (await client.call("listWorkers", {})).workers[0];
    const repository = await makeRepository({ ".slipway.yaml": JSON.stringify({ version: 1, gates: [{ name: "marked", run: "test -s mark.txt" }] }) });
    await repository.register(client, "sample");

    const id = await submitScript(client, "sample", [[{ shell: "cp /etc/image-mark mark.txt" }]], { target: "trunk" });
    const { job, receipts } = await ended(client, id);
    expect(job).toMatchObject({ state: "done", failure: null });
    const own = await idOf(receipts[0]?.image ?? "");
    expect(own).not.toBe(scriptId);
    await git(repository.root, "fetch", "--quiet", `${stack.data}/server/hub/${job.repo.id}/upstream.git`, "trunk");
    expect(await git(repository.root, "show", "FETCH_HEAD:mark.txt")).toContain("of script");
    const phases = (await allEvents(client, id)).flatMap((event) => (event.kind === "phase" && event.data.phase === "prepare" ? [event.data] : []));
    expect(phases.find(({ status }) => status === "ended")).toMatchObject({ detail: `in ${SCRIPT_IMAGE}` });
    const script = async (): Promise<unknown> => (await worker())?.images.find(({ backend }) => backend === "script");
    const agent = { ok: true, found: "a shell for `shell` steps" };
    await expect.poll(script, { timeout: 60_000, interval: 500 }).toEqual({ backend: "script", image: SCRIPT_IMAGE, imageId: scriptId, agent });

    // Its label fits, and nothing starts in it.
    const brokenId = await makeImage(SCRIPT_IMAGE, "RUN rm $(command -v node)");
    const warnings = async (): Promise<string> => ((await worker())?.warnings ?? []).join("\n");
    await expect.poll(warnings, { timeout: 90_000, interval: 500 }).toContain(`nothing of ${SCRIPT_IMAGE} can be started ahead`);
    expect(await script()).toMatchObject({ imageId: brokenId });
    const broken = await submitScript(client, "sample", [[{ print: "hello" }]], { target: "trunk", maxAttempts: 1 });
    expect((await ended(client, broken)).job.failure).toMatchObject({ code: "SANDBOX_UNAVAILABLE" });
    // A record that does not end cannot be read to its end.
    await client.call("cancelJob", { params: { job: broken }, body: {} });
    const notices = (await allEvents(client, broken)).flatMap((event) => (event.kind === "notice" ? [event.data.text] : []));
    expect(notices.find((text) => text.startsWith(`No container of ${SCRIPT_IMAGE} was ready`))).toContain("None can be started ahead: ");

    // The engine keeps it as long as a container of it is on its way out.
    await expect.poll(() => removeImage(SCRIPT_IMAGE), { timeout: 30_000 }).toBe(true);
    await expect.poll(script, { timeout: 60_000, interval: 500 }).not.toMatchObject({ image: SCRIPT_IMAGE });
    await expect.poll(warnings, { timeout: 30_000, interval: 500 }).not.toContain(SCRIPT_IMAGE);
    const again = await submitScript(client, "sample", [[{ shell: "test ! -e /etc/image-mark && echo own >mark.txt" }]], { target: "other" });
    expect((await ended(client, again)).job).toMatchObject({ state: "done", failure: null });
  }, 300_000);

  test("an agent that does not work in an image is found there, once for all; its warm-up fails, and the container works", async () => {
    const imageId = await makeImage(BROKEN_CODEX, "RUN printf '#!/bin/sh\\necho nothing\\n' >/usr/local/bin/codex && chmod 755 /usr/local/bin/codex");
    await using bench = await openBench("docker");
    await bench.provider.probe();
    const agents = await bench.provider.images?.agentsIn(imageId);
    expect(agents?.find(({ backend }) => backend === "codex")).toMatchObject({ ok: false, found: expect.stringContaining("it told no version: nothing") });
    expect((await readdir(bench.runtimeFolder)).filter((name) => name.startsWith("agents-"))).toHaveLength(1);
    const sandbox = await bench.provider.start({ ...(await bench.spec()), image: imageId }, new AbortController().signal);
    try {
      expect(await sandbox.warmedUp).toEqual([{ backend: "codex", reason: expect.stringContaining("it told no version") }]);
      expect(await sandbox.ping?.(5_000)).toBe(true);
      const command = { argv: ["codex"], env: { PATH: sandbox.inside.path }, network: "none", timeoutMs: 30_000, outputLimitBytes: 1_000 } as const;
      expect((await sandbox.run(command, new AbortController().signal)).output.toString()).toBe("nothing\n");
    } finally {
      await sandbox.end();
      await sandbox.end();
    }
  }, 120_000);
});
