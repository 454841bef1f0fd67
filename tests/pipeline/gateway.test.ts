import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { runAttempt } from "../../apps/worker/src/job/run-attempt.ts";
import { createSandboxProvider } from "../../apps/worker/src/sandbox/create.ts";
import { readOnlyToolchains } from "../../apps/worker/src/sandbox/toolchains.ts";
import { TestAttempt } from "../support/attempt-context.ts";
import { asker, type PluginFolder, pluginFolder } from "../support/plugin-folder.ts";
import { sampleManifest } from "../support/sample-job.ts";
import { startStubGateway } from "../support/stub-gateway.ts";

const INSTALL_ROOT = join(import.meta.dirname, "..", "..");
/** Setup and gate look for the way to the models, and fail where they find it. */
const LOOK = "test ! -e /control/gateway && ! env | grep slipmodel";
const FILES = { ".slipway.yaml": `setup:\n  commands: ['${LOOK}']\ngates:\n  - name: alone\n    run: '${LOOK}'\n`, sum: "3\n" };

let plugins: PluginFolder;
let runtimeFolder: string;
beforeAll(async () => {
  plugins = await pluginFolder({ asker: { backends: { asker: "./backend.js" }, files: { "backend.js": asker("asker") } } });
  runtimeFolder = await mkdtemp(join(tmpdir(), "slipway-run-"));
});
afterAll(async () => {
  await plugins?.[Symbol.asyncDispose]();
  await rm(runtimeFolder, { recursive: true, force: true });
});

describe.each(["bwrap", "none"] as const)("a backend that needs a model, in the %s sandbox", (kind) => {
  async function attemptAt(task: Record<string, unknown>): Promise<{ attempt: TestAttempt; socket: string }> {
    const gatewayFolder = join(runtimeFolder, "gateway");
    const provider = createSandboxProvider(kind, { runtimeFolder, installRoot: INSTALL_ROOT, maskPaths: [], backendsFolder: plugins.path, gatewayFolder });
    const toolchains = readOnlyToolchains(process.env["PATH"] ?? "");
    const job = { backend: "asker", task: JSON.stringify(task) };
    return {
      attempt: await TestAttempt.make({ files: FILES, provider, toolchains, job, manifest: sampleManifest("asker", true) }),
      socket: join(gatewayFolder, "s"),
    };
  }

  it("asks it through the gateway with the attempt's token; setup, gates and events know nothing of either", async () => {
    const { attempt, socket } = await attemptAt({ ask: "/openai/v1/responses", shell: "echo 2 > sum" });
    await using _attempt = attempt;
    await using gateway = await startStubGateway(socket);
    expect(await runAttempt(await attempt.context())).toMatchObject({ kind: "change", diffStat: { files: 1 } });
    expect(gateway.requests).toEqual(["POST /openai/v1/responses Bearer slipmodel_test"]);
    expect(attempt.logs.get("stdout")).toBe("gateway got Bearer ***");
    expect(JSON.stringify(attempt.events)).not.toContain("slipmodel_test");
  });

  it("fails as one that is tried again where the gateway is away", async () => {
    const { attempt } = await attemptAt({ ask: "/", fail: true });
    await using _attempt = attempt;
    await expect(runAttempt(await attempt.context())).rejects.toMatchObject({
      code: "GATEWAY_UNAVAILABLE",
      details: { reason: "ENOENT", agentSaid: { code: "BACKEND_FAILED" } },
    });
  });
});
