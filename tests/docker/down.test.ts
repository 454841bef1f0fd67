import type { WorkerClean } from "@slipway/protocol/worker-clean";
import { execa } from "execa";
import { describe, expect, test } from "vitest";
import { Playground } from "../cli/slipway.ts";
import { submitScript } from "../support/jobs.ts";
import { makeRepository } from "../support/repository.ts";
import { Stack } from "../support/stack.ts";
import { containersOf, hasEngine, labelOf } from "./engine.ts";

describe.runIf(hasEngine)("slipway down", () => {
  test("removes the containers of a worker that was killed, by its label, and no others", async () => {
    await using ground = await Playground.make();
    await using stack = await Stack.start({ sandbox: "docker", slots: 1, verifySlots: 1 });
    await using repository = await makeRepository({ "a.txt": "a\n" });
    const client = await stack.client();
    await repository.register(client, "sample");
    const job = await submitScript(client, "sample", [[{ print: "at work" }, { shell: "sleep 300" }]]);
    for await (const frame of client.follow(job)) if (frame.type === "event" && JSON.stringify(frame.event).includes("at work")) break;
    const label = await labelOf(stack.data);
    const { stdout: other } = await execa("docker", [
      "run",
      "--detach",
      "--label",
      `dev.slipway.worker=${label}-other`,
      ...["--entrypoint", "sleep"],
      String(process.env["SLIPWAY_IMAGE"]),
      "300",
    ]);
    try {
      for (const part of ["worker", "integrator", "server"] as const) await stack.signal(part, "SIGKILL");
      const before = await containersOf(label);
      expect(before.length).toBeGreaterThan(0);
      const place = ground.with({ DOCKER_HOST: process.env["DOCKER_HOST"] });
      const { code, stdout, stderr } = await place.slipway(ground.folder, "down", "--json", "--data", stack.data);
      expect([code, stderr]).toEqual([0, ""]);
      const { left } = JSON.parse(stdout) as { left: WorkerClean };
      // A command's container ends by itself when its worker is gone, so that there may be fewer by now.
      expect(left.containers.length).toBeGreaterThan(0);
      for (const id of left.containers) expect(before.map((line) => line.slice(0, 12))).toContain(id.slice(0, 12));
      expect(left.attempts).toBe(1);
      expect(await containersOf(label)).toEqual([]);
      expect((await containersOf(`${label}-other`)).map((line) => line.slice(0, 12))).toEqual([other.slice(0, 12)]);
    } finally {
      await execa("docker", ["rm", "--force", other]);
    }
  }, 90_000);
});
