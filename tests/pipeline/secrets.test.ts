import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TurnRequest } from "@slipway/protocol/runner-protocol";
import { afterAll, describe, expect, it } from "vitest";
import type { AttemptContext } from "../../apps/worker/src/attempt/context.ts";
import { describeBackends } from "../../apps/worker/src/daemon/register.ts";
import { runAttempt } from "../../apps/worker/src/job/run-attempt.ts";
import { createSandboxProvider } from "../../apps/worker/src/sandbox/create.ts";
import { readOnlyToolchains } from "../../apps/worker/src/sandbox/toolchains.ts";
import { until } from "../sandbox/bench.ts";
import { TestAttempt } from "../support/attempt-context.ts";
import { type PluginFolder, pluginFolder, vault } from "../support/plugin-folder.ts";
import { filesWith, freshSecret, processesWith } from "../support/secret-scan.ts";

const INSTALL_ROOT = join(import.meta.dirname, "..", "..");
/** Prints what the agent left, also with terminal codes between its characters, and looks for it in its own environment. */
const GATE = String.raw`cat left; printf 'torn: '; sed 's/\(.\)/\1\x1b[0m/g' left; if env | grep -qF "$(cat left)"; then echo LEAKED; fi; test -e fixed`;
const FILES = {
  ".slipway.yaml": `setup:\n  commands: ['cat "$HOME/kept" 2>/dev/null || true']\n  network: none\ngates:\n  - name: vault\n    run: |\n      ${GATE}\n`,
  ".gitignore": "left\n",
};

const runtimeFolder = await mkdtemp(join(tmpdir(), "slipway-run-"));
const plugins: PluginFolder = await pluginFolder({ "slipway-backend-vault": { backends: { vault: "./backend.js" }, files: { "backend.js": vault() } } });
process.env["SLIPWAY_BACKENDS"] = plugins.path;
const { manifests } = await describeBackends(join(INSTALL_ROOT, "apps/runner/src/main.ts"));
delete process.env["SLIPWAY_BACKENDS"];
afterAll(async () => {
  await plugins[Symbol.asyncDispose]();
  await rm(runtimeFolder, { recursive: true, force: true });
});

async function kindsHere(): Promise<Array<"bwrap" | "none">> {
  const probe = createSandboxProvider("bwrap", { runtimeFolder, installRoot: INSTALL_ROOT, maskPaths: [] }).probe();
  return await probe.then(
    () => ["bwrap", "none"],
    () => ["none"],
  );
}

interface Scene extends AsyncDisposable {
  readonly attempt: TestAttempt;
  readonly folder: string;
  /** The turns that were asked for. */
  readonly requests: TurnRequest[];
  context(): Promise<AttemptContext>;
}

async function openScene(kind: "bwrap" | "none", backendConfig: object): Promise<Scene> {
  const folder = await mkdtemp(join(tmpdir(), "slipway-secrets-"));
  const provider = createSandboxProvider(kind, { runtimeFolder, installRoot: INSTALL_ROOT, maskPaths: [folder], backendsFolder: plugins.path });
  const job = { backend: "vault", backendConfig: { ...backendConfig } };
  const toolchains = readOnlyToolchains(process.env["PATH"] ?? "");
  const attempt = await TestAttempt.make({ files: FILES, provider, toolchains, manifests, secrets: { folder, variables: new Map() }, job });
  const requests: TurnRequest[] = [];
  return {
    ...{ attempt, folder, requests },
    async context() {
      const context = await attempt.context();
      return {
        ...context,
        async agentSandbox(readOnly, needs) {
          const sandbox = await context.agentSandbox(readOnly, needs);
          const turn: typeof sandbox.turn = (request, options) => {
            requests.push(request);
            return sandbox.turn(request, options);
          };
          return { ...sandbox, turn };
        },
      };
    },
    async [Symbol.asyncDispose]() {
      await attempt[Symbol.asyncDispose]();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

function provide(folder: string, name: string, value: string): void {
  writeFileSync(join(folder, name), `${value}\n`, { mode: 0o600 });
}

describe.each(await kindsHere())("a backend's secret in the %s sandbox", (kind) => {
  it("reaches its turns, is replaced between them, and shows nowhere else", async () => {
    await using scene = await openScene(kind, { pause: true });
    const { attempt, folder, requests } = scene;
    const [first, second] = [freshSecret(), freshSecret()];
    provide(folder, "VAULT_KEY", first);
    provide(folder, "UNRELATED", freshSecret());
    // As an earlier attempt may have left it.
    await mkdir(attempt.paths.home, { recursive: true });
    await writeFile(join(attempt.paths.home, "kept"), `${first}\n`);
    const running = runAttempt(await scene.context());
    // The agent's own folders are its own; all else of the attempt lies in the worker's hands.
    const own = [attempt.paths.workspace, attempt.paths.home];
    const pause = async (turn: number): Promise<void> => {
      await Promise.race([until(() => existsSync(join(attempt.paths.home, `paused-${turn}`)), 20_000), running]);
      for (const secret of [first, second]) expect([...filesWith(attempt.root, secret, own), ...processesWith(secret)]).toEqual([]);
    };
    await pause(1);
    provide(folder, "VAULT_KEY", second);
    writeFileSync(join(attempt.paths.home, "go-1"), "");
    await pause(2);
    writeFileSync(join(attempt.paths.home, "go-2"), "");
    expect(await running).toMatchObject({ kind: "change", diffStat: { files: 3 } });

    expect(requests.map(({ secrets }) => secrets)).toEqual([{ VAULT_KEY: first }, { VAULT_KEY: second }]);
    const messages = attempt.events.flatMap((event) => (event.kind === "message" ? [event.data.text] : []));
    expect(messages.filter((text) => text.startsWith("I got"))).toEqual(["I got VAULT_KEY: ***", "I got VAULT_KEY: ***"]);
    expect(attempt.logs.get("setup")).toContain("\n***\n");
    expect(attempt.logs.get("gate:vault")?.match(/^\*\*\*$/gm)).toHaveLength(2);
    for (const round of [0, 1]) expect(attempt.artifacts.get(`gate-vault-${round}.log`)?.toString()).toMatch(/^\*\*\*\n/);
    // In the prompt the terminal codes are gone, and with them what kept the second copy from being known.
    expect(requests[1]?.prompt).toMatch(/\n\*\*\*\ntorn: \*\*\*\n/);
    expect(attempt.logs.get("gate:vault")).not.toContain("LEAKED");
    const words = readFileSync(join(attempt.paths.control, "runner.log"), "utf8");
    expect(words).toContain("the key of turn 1 is ***");
    expect(words).toContain("the key of turn 2 is ***");
    const told = JSON.stringify([attempt.events, requests.map(({ prompt }) => prompt), [...attempt.artifacts.values()].map(String)]);
    for (const secret of [first, second]) {
      expect(told).not.toContain(JSON.stringify(secret).slice(1, -1));
      expect([...filesWith(attempt.root, secret, own), ...processesWith(secret)]).toEqual([]);
    }
  });

  it("a failure that quotes it is masked too", async () => {
    await using scene = await openScene(kind, {});
    const secret = freshSecret();
    provide(scene.folder, "VAULT_KEY", secret);
    const context = await scene.context();
    // The gate never sees what it waits for.
    const { agentSandbox } = context;
    const failing: AttemptContext["agentSandbox"] = async (readOnly, needs) => {
      const sandbox = await agentSandbox(readOnly, needs);
      return {
        ...sandbox,
        run: (command, signal) => sandbox.run({ ...command, argv: command.argv.map((text) => text.replace("test -e fixed", "exit 7")) }, signal),
      };
    };
    const failure = await runAttempt({ ...context, agentSandbox: failing }).catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: "GATES_FAILED", details: { gates: [{ excerpt: expect.stringMatching(/^\*\*\*\ntorn: \*\*\*/) }] } });
    expect(JSON.stringify(failure)).not.toContain(secret);
  });
});

describe("a secret that is required and not there", () => {
  it("ends the attempt before anything of it runs, and says how to provide it", async () => {
    await using scene = await openScene("none", {});
    const { attempt, folder, requests } = scene;
    const failure = (await runAttempt(await scene.context()).catch((error: unknown) => error)) as Error;
    const file = join(folder, "VAULT_KEY");
    expect(failure).toMatchObject({
      code: "SECRET_MISSING",
      details: { secret: "VAULT_KEY", backend: "vault", about: "Make one at example.com/keys.", file, variable: "SLIPWAY_SECRET_VAULT_KEY" },
      hint: expect.stringContaining(`cat > ${file})`),
    });
    for (const word of ["VAULT_KEY", "vault", file, "SLIPWAY_SECRET_VAULT_KEY", "Make one at example.com/keys."]) expect(failure.message).toContain(word);
    expect(requests).toEqual([]);
    expect(readdirSync(attempt.paths.control)).toEqual([]);
  });

  it("is not taken from a file that others can read, nor from a variable then", async () => {
    await using scene = await openScene("none", {});
    const file = join(scene.folder, "VAULT_KEY");
    await writeFile(file, "value-of-the-key", { mode: 0o644 });
    const failure = await runAttempt(await scene.context()).catch((error: unknown) => error);
    expect(failure).toMatchObject({
      code: "SECRET_MISSING",
      message: expect.stringContaining(file),
      hint: `Type \`chmod 600 ${file}\`.`,
      details: { secret: "VAULT_KEY" },
    });
    expect(JSON.stringify(failure)).not.toContain("value-of-the-key");
  });

  it("fails only the turn that needs it where it goes away later", async () => {
    await using scene = await openScene("none", { pause: true });
    const { attempt, folder } = scene;
    provide(folder, "VAULT_KEY", freshSecret());
    const running = runAttempt(await scene.context());
    running.catch(() => undefined);
    await Promise.race([until(() => existsSync(join(attempt.paths.home, "paused-1")), 20_000), running]);
    await rm(join(folder, "VAULT_KEY"));
    writeFileSync(join(attempt.paths.home, "go-1"), "");
    await expect(running).rejects.toMatchObject({ code: "SECRET_MISSING", details: { turn: 2 } });
  });
});
