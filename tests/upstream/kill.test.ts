import { fork } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { chmod, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Client } from "@slipway/protocol/client";
import { expect, test, vi } from "vitest";
import { TestServer } from "../server/server-harness.ts";
import { Remote } from "../support/git-remote.ts";
import { LandingScene } from "./landing-scene.ts";

const MAIN = join(import.meta.dirname, "../../apps/server/src/main.ts");

/** What is done at the host when the server is killed: it has not taken the push yet, or it has, and nobody knows of it. */
const MOMENTS = ["pre-receive", "post-receive"] as const;

test.each(MOMENTS)(
  "a server that is killed in the middle of a push, at the host's %s: nothing is lost and nothing pushed twice",
  { timeout: 120_000 },
  async (hook) => {
    await using remote = await Remote.make();
    await using server = await TestServer.start();
    const ship = await LandingScene.make(server, remote, remote.bare, { push: "landed" });
    await ship.sync();
    const merged = await ship.merged("one.txt");
    const [began, goOn] = [join(remote.folder, "began"), join(remote.folder, "go-on")];
    const script = join(remote.bare, "hooks", hook);
    await mkdir(join(remote.bare, "hooks"), { recursive: true });
    await writeFile(script, `#!/bin/sh\necho x >>"${began}"\nwhile [ ! -e "${goOn}" ]; do sleep 0.02; done\n`);
    await chmod(script, 0o755);

    await server.server.close();
    const child = fork(MAIN, ["--data", server.data], { execArgv: ["--disable-sigusr1"], stdio: ["ignore", "ignore", "ignore", "ipc"] });
    const [{ url }] = (await once(child, "message")) as [{ url: string }];
    const { claimed, body } = merged;
    const landing = new Client({ url, token: server.tokens.integrator }).call("landCompletion", {
      params: { completion: claimed.completion.id, fence: claimed.fence },
      body,
    });
    const cutOff = expect(landing).rejects.toThrow();
    await vi.waitFor(() => expect(existsSync(began)).toBe(true), { timeout: 30_000, interval: 20 });
    const gone = once(child, "exit");
    child.kill("SIGKILL");
    await gone;
    await cutOff;
    await writeFile(goOn, "");

    await server.restart();
    await vi.waitFor(async () => expect([await ship.hubHead(), await remote.head()]).toEqual([body.mergedOid, body.mergedOid]), {
      timeout: 60_000,
      interval: 200,
    });
    const { job } = await server.client("viewer").call("getJob", { params: { job: claimed.job.number } });
    expect(job).toMatchObject({ state: "done", landedOid: body.mergedOid });
    expect(await remote.subjects()).toEqual(["Change", "Start"]);
    await vi.waitFor(async () => expect((await ship.view()).upstreamSync).toMatchObject({ error: null, okAt: expect.any(Number) }), {
      timeout: 60_000,
      interval: 200,
    });
    expect((await ship.sync()).moves).toEqual([]);
  },
);
