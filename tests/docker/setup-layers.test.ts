import { describe, expect, test } from "vitest";
import { logText } from "../support/jobs.ts";
import { NOTHING_LEFT } from "../support/leftovers.ts";
import { SHOW, setupDetail, setupScene } from "../support/setup-scene.ts";
import { containersOf, hasEngine, labelOf } from "./engine.ts";

/** What a setup makes in a container, for the containers of later jobs. */

describe.runIf(hasEngine)("setup layers under containers", () => {
  test("a later job has what the first one's setup made, as its own user's, and can change no more than its own view of it", async () => {
    await using at = await setupScene({ sandbox: "docker", slots: 1 });
    const poison = "echo broken > node_modules/run; rm -r packages/a/node_modules; chmod 777 node_modules; umount /workspace; true";
    const first = await at.run([{ shell: `${SHOW}; ${poison}; echo 1 > new` }]);
    expect(first.detail.job, JSON.stringify(first.detail.job.failure)).toMatchObject({ state: "done" });
    expect(first.said).toMatch(/^\d+\none\nlinked\n$/);
    const second = await at.run([{ shell: `${SHOW}; echo more > node_modules/more; stat -c %u node_modules/run; id -u; echo 2 > other` }]);
    expect(second.detail.job, JSON.stringify(second.detail.job.failure)).toMatchObject({ state: "done" });
    const user = String(process.getuid?.() === 0 ? 1_000 : process.getuid?.());
    expect(second.said).toBe(`${first.said}${user}\n${user}\n`);
    expect(setupDetail(second.events)).toBe(`kept, made by job ${first.detail.job.number}`);
    expect(logText(second.events, "setup")).toBe("");
    expect(await at.layers()).toHaveLength(1);
    const label = await labelOf(at.stack.data);
    await at.stack.stop();
    expect(await at.stack.leftovers()).toEqual(NOTHING_LEFT);
    await expect.poll(() => containersOf(label), { timeout: 10_000 }).toEqual([]);
  }, 120_000);
});
