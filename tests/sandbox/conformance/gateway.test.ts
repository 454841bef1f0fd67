import { existsSync } from "node:fs";
import { chmod, mkdir, mkdtemp, readdir, rm } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createSandboxProvider } from "../../../apps/worker/src/sandbox/create.ts";
import type { Sandbox } from "../../../apps/worker/src/sandbox/sandbox.ts";
import { asker, type PluginFolder, pluginFolder } from "../../support/plugin-folder.ts";
import { startStubGateway } from "../../support/stub-gateway.ts";
import {
  dockerSettings,
  IMAGE_ROOT,
  INSTALL_ROOT,
  isIsolated,
  never,
  openBench,
  type Played,
  play,
  type SandboxBench,
  sandboxKindOf,
  shell,
} from "../bench.ts";
import { KINDS } from "../kinds.ts";

const TOKEN = "slipmodel_0123456789abcdef";

describe.each(KINDS)("the way to the model gateway in %s", (kind) => {
  let bench: SandboxBench;
  let plugins: PluginFolder;
  let root: string;
  let gatewayFolder: string;
  let socketPath: string;
  let turns = 0;
  beforeAll(async () => {
    root = await mkdtemp(join(tmpdir(), "slipway-gw-"));
    gatewayFolder = join(root, "gateway");
    socketPath = join(gatewayFolder, "s");
    const asking = { asker: { backends: { asker: "./backend.js" }, files: { "backend.js": asker("asker") } } };
    plugins = await pluginFolder(asking, kind === "docker" ? IMAGE_ROOT : INSTALL_ROOT);
    bench = await openBench(kind, { gatewayFolder, backendsFolder: plugins.path, maskPaths: [root] });
  });
  afterAll(async () => {
    await bench?.[Symbol.asyncDispose]();
    await plugins?.[Symbol.asyncDispose]();
    await rm(root, { recursive: true, force: true });
  });

  /** One turn of the asking backend. */
  async function ask(sandbox: Sandbox, prompt: Record<string, unknown>, gateway = { socket: sandbox.inside.gateway ?? "", token: TOKEN }): Promise<Played> {
    turns += 1;
    return await play(sandbox, [], {
      request: { turnId: `turn-${turns}`, turn: turns, backend: "asker", config: {}, prompt: JSON.stringify(prompt), gateway },
    });
  }

  function heard({ result }: Played): string {
    return result.status === "done" ? result.finalText : `${result.failure.code}: ${result.failure.message}`;
  }

  test("a request reaches the socket with the token; a gateway that starts anew is reached by a sandbox that runs", async () => {
    // Nobody listens yet when the sandbox is made.
    const sandbox = await bench.start();
    {
      await using gateway = await startStubGateway(socketPath, "first");
      expect(heard(await ask(sandbox, { ask: "/openai/v1/responses" }))).toBe("first got Bearer ***");
      expect(gateway.requests).toEqual([`POST /openai/v1/responses Bearer ${TOKEN}`]);
    }
    expect(await readdir(gatewayFolder)).toEqual([]);
    expect(await ask(sandbox, { ask: "/", fail: true })).toMatchObject({
      result: { status: "failed", failure: { code: "GATEWAY_UNAVAILABLE", details: { reason: "ENOENT", agentSaid: { code: "BACKEND_FAILED" } } } },
    });
    await using gateway = await startStubGateway(socketPath, "second");
    expect(heard(await ask(sandbox, { ask: "/" }))).toBe("second got Bearer ***");
    expect(gateway.requests).toHaveLength(1);
  });

  test("the token is masked in events, logs, results and failures", async () => {
    await using _ = await startStubGateway(socketPath);
    const sandbox = await bench.start();
    const said = [await ask(sandbox, { ask: "/" }), await ask(sandbox, { ask: "/", fail: true })];
    expect(JSON.stringify(said)).not.toContain(TOKEN);
    expect(JSON.stringify(said).match(/got Bearer \*\*\*/g)).toHaveLength(6);
  });

  test("a one-shot of the same sandbox does not see it, nor does a sandbox without a runner", async () => {
    await using _ = await startStubGateway(socketPath);
    const sandbox = await bench.start();
    const bare = await bench.provider.start({ ...(await bench.spec()), runner: false }, never());
    expect(bare.inside.gateway).toBeUndefined();
    for (const each of [sandbox, bare]) {
      const { output } = await each.run(shell("ls -d /control /control/gateway"), never());
      expect(output.toString()).not.toMatch(/^\/control/m);
      // Without isolation everything of the user's is seen.
      if (isIsolated(kind)) expect((await each.run(shell(`ls ${gatewayFolder} ${sandbox.inside.gateway}`), never())).exitCode).not.toBe(0);
    }
  });

  // Without isolation there is nothing of this to keep.
  if (isIsolated(kind)) {
    test("an agent can neither remove the socket, nor replace it, nor put anything beside it; at its own path it is not there", async () => {
      await using _ = await startStubGateway(socketPath);
      const sandbox = await bench.start();
      const command = "cd /control/gateway; ls; rm -f s; mv s t; ln -s /tmp/s t; touch t; chmod 777 s; mount -t tmpfs x .; ls";
      expect(heard(await ask(sandbox, { shell: command }))).toMatch(
        /^s\n(.*(Read-only file system|ermission denied|superuser|not permitted).*\n){5,}(.*\n)*s\n$/,
      );
      expect(heard(await ask(sandbox, { shell: `ls ${gatewayFolder}` }))).toMatch(/No such file/);
      expect(await readdir(gatewayFolder)).toEqual(["s"]);
      expect(heard(await ask(sandbox, { ask: "/" }))).toBe("gateway got Bearer ***");
    });

    test("nothing but the gateway can be reached: no port of the host, no other address", async () => {
      await using _ = await startStubGateway(socketPath);
      const host = createServer((_request, response) => response.end("the host"));
      await new Promise<void>((resolve) => host.listen(0, "127.0.0.1", resolve));
      try {
        const sandbox = await bench.start();
        const { port } = host.address() as AddressInfo;
        expect(heard(await ask(sandbox, { ask: "/" }))).toBe("gateway got Bearer ***");
        expect(heard(await ask(sandbox, { fetch: `http://127.0.0.1:${port}/` }))).toBe("no answer: ECONNREFUSED");
        expect(heard(await ask(sandbox, { fetch: "http://192.0.2.1:80/" }))).toMatch(/^no answer: E(NETUNREACH|HOSTUNREACH)$/);
        // One port listens: the runner's.
        expect(heard(await ask(sandbox, { shell: "grep -c ' 0A ' /proc/net/tcp; cut -d' ' -f1 /proc/net/tcp6 | tail -n +2" }))).toBe("1\n");
      } finally {
        host.close();
      }
    });
  }

  test("a folder for a socket with too long a path is refused by name, and so is one that others can write to", async () => {
    const long = join(root, "x".repeat(100));
    const docker = await dockerSettings(kind, root);
    const settings = { runtimeFolder: bench.runtimeFolder, installRoot: INSTALL_ROOT, maskPaths: [], ...docker };
    const provider = (folder: string) => () => createSandboxProvider(sandboxKindOf(kind), { ...settings, gatewayFolder: folder });
    expect(provider(long)).toThrow(expect.objectContaining({ code: "INVALID_CONFIG", message: expect.stringContaining(join(long, "s")) }));
    expect(existsSync(long)).toBe(false);
    const open = join(root, "open");
    await mkdir(open, { mode: 0o700 });
    await chmod(open, 0o777);
    expect(provider(open)).toThrow(expect.objectContaining({ code: "SANDBOX_UNAVAILABLE", details: expect.objectContaining({ folder: open }) }));
  });
});
