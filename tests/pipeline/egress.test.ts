import { once } from "node:events";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { type AddressInfo, createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { scriptBackend } from "@slipway/backend-script/backend";
import { toManifest } from "@slipway/backend-sdk/manifest";
import type { SlipwayError } from "@slipway/protocol/errors";
import type { Manifest } from "@slipway/protocol/manifest";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { runAttempt } from "../../apps/worker/src/job/run-attempt.ts";
import { createSandboxProvider } from "../../apps/worker/src/sandbox/create.ts";
import { readOnlyToolchains } from "../../apps/worker/src/sandbox/toolchains.ts";
import { dockerSettings, isIsolated, type Kind, sandboxKindOf } from "../sandbox/bench.ts";
import { KINDS } from "../sandbox/kinds.ts";
import { TestAttempt } from "../support/attempt-context.ts";

const INSTALL_ROOT = join(import.meta.dirname, "..", "..");

/** Asks for a tunnel as a package manager does, and says what came of it; ends with 1 where there is no way. */
const REACH = `
import { request } from "node:http";
import { connect } from "node:net";
const target = process.argv[2];
const proxy = process.env.HTTPS_PROXY;
const fail = (words) => { console.log(target + ": " + words); process.exit(1); };
if (!proxy) {
  const [host, port] = target.split(":");
  connect(Number(port), host).on("error", (error) => fail("no proxy, " + error.code)).on("connect", () => fail("reached without a proxy"));
} else {
  const { hostname, port } = new URL(proxy);
  request({ host: hostname, port, method: "CONNECT", path: target }).on("connect", (response, socket, head) => {
    let text = head.toString();
    socket.on("data", (bytes) => { text += bytes; }).on("end", () => response.statusCode === 200 ? (console.log(target + ": " + text.trim()), process.exit(0)) : fail(text.trim()));
    socket.write("who is there");
  }).end();
}
`;

let outside: Server;
let place: string;
let runtimeFolder: string;
beforeAll(async () => {
  runtimeFolder = await mkdtemp(join(tmpdir(), "slipway-run-"));
  outside = createServer((socket) => void socket.once("data", () => socket.end("the world outside\n"))).listen(0, "127.0.0.1");
  await once(outside, "listening");
  place = `localhost:${(outside.address() as AddressInfo).port}`;
});
afterAll(async () => {
  outside.close();
  await rm(runtimeFolder, { recursive: true, force: true });
});

afterEach(() => {
  vi.unstubAllEnvs();
});

async function attemptWith(kind: Kind, config: string, turn: string, more: { egressPrivateHosts?: string[]; manifest?: Manifest } = {}): Promise<TestAttempt> {
  const docker = await dockerSettings(kind, runtimeFolder);
  const provider = createSandboxProvider(sandboxKindOf(kind), { runtimeFolder, installRoot: INSTALL_ROOT, maskPaths: [], ...docker });
  const script = { turns: [[{ shell: { command: turn, expectExit: "any" } }, { write: { path: "done.txt", content: "done\n" } }]] };
  const files = { ".slipway.yaml": config, "reach.mjs": REACH };
  const toolchains = kind === "docker" ? [] : readOnlyToolchains(process.env["PATH"] ?? "");
  return await TestAttempt.make({ files, provider, toolchains, egressPrivateHosts: [place], job: { backend: "script", backendConfig: { script } }, ...more });
}

function egressOf(attempt: TestAttempt): string[] {
  return attempt.events.flatMap(({ kind, data }) =>
    kind === "egress"
      ? [`${data.phase} ${data.host}:${data.port} ${data.allowed ? "allowed" : "refused"} ${data.status} ${data.connections} ${data.receivedBytes}`]
      : [],
  );
}

function toolOutput(attempt: TestAttempt): string {
  return attempt.events
    .flatMap(({ kind, data }) => (kind === "tool-result" && data.output.startsWith("exit") ? [data.output.slice(data.output.indexOf("\n") + 1)] : []))
    .join("\n");
}

describe.each(KINDS.filter(isIsolated))("in %s", (kind) => {
  it("each phase reaches the hosts on its own list, and nothing else; every decision is told and counted", async () => {
    const config = `
setup: {commands: [node reach.mjs ${place}]}
egress: {setup: ["${place}"], turn: ["${place}"], gates: ["${place}"]}
gates: [{name: reach, run: "node reach.mjs ${place} && node reach.mjs ${place} && ! node reach.mjs example.com:443"}]
`;
    await using attempt = await attemptWith(kind, config, `node reach.mjs ${place}; node reach.mjs example.com:443`);
    expect(await runAttempt(await attempt.context())).toMatchObject({ kind: "change" });
    expect(attempt.logs.get("setup")).toContain(`${place}: the world outside\n`);
    expect(toolOutput(attempt)).toBe(`${place}: the world outside\nexample.com:443: slipway: example.com:443 is not in egress.turn of .slipway.yaml.\n`);
    expect(attempt.logs.get("gate:reach")).toBe(
      `${`${place}: the world outside\n`.repeat(2)}example.com:443: slipway: example.com:443 is not in egress.gates of .slipway.yaml.\n`,
    );
    expect(egressOf(attempt)).toEqual([
      ...[`setup ${place} allowed first 1 0`, `setup ${place} allowed total 1 18`],
      ...[
        `turn ${place} allowed first 1 0`,
        "turn example.com:443 refused first 1 0",
        `turn ${place} allowed total 1 18`,
        "turn example.com:443 refused total 1 0",
      ],
      ...[`gates ${place} allowed first 1 0`, "gates example.com:443 refused first 1 0"],
      ...[`gates ${place} allowed total 2 36`, "gates example.com:443 refused total 1 0"],
    ]);
    expect((await readdir(runtimeFolder)).filter((name) => name.startsWith("egress-"))).toEqual([]);
  });

  it("an agent with a way out knows the certificates that the worker's environment names, and no other agent does", async () => {
    vi.stubEnv("CURL_CA_BUNDLE", "/etc/os-release");
    for (const [config, told] of [
      [`egress: {turn: ["${place}"]}\n`, "/etc/os-release\n"],
      ["egress: {turn: []}\n", ""],
    ] as const) {
      await using attempt = await attemptWith(kind, config, "printenv CURL_CA_BUNDLE; exit 3");
      expect(await runAttempt(await attempt.context())).toMatchObject({ kind: "change" });
      expect(toolOutput(attempt).trim()).toBe(told.trim());
    }
  });

  it("hosts that the backend cannot do without and that are not on the list are told of, once", async () => {
    const manifest = toManifest({
      ...scriptBackend,
      capabilities: { ...scriptBackend.capabilities, network: ["api.example", "*.cdn.example", "tool.example:8443"] },
    });
    await using attempt = await attemptWith(kind, 'egress: {turn: ["*.example:8443", "*.cdn.example"]}\n', "true", { manifest });
    expect(await runAttempt(await attempt.context())).toMatchObject({ kind: "change" });
    const notices = attempt.events.flatMap((event) => (event.kind === "notice" ? [event.data.text] : []));
    expect(notices.filter((text) => text.includes("egress.turn"))).toEqual([expect.stringMatching(/cannot work without api\.example, which/)]);
  });

  it("without a list there is no proxy and no network", async () => {
    const config = `
setup: {commands: [node reach.mjs ${place}]}
egress: {setup: ["${place}"]}
gates: [{name: alone, run: "! node reach.mjs ${place}"}]
`;
    await using attempt = await attemptWith(kind, config, `node reach.mjs ${place}`);
    expect(await runAttempt(await attempt.context())).toMatchObject({ kind: "change" });
    expect(toolOutput(attempt)).toBe(`${place}: no proxy, ECONNREFUSED\n`);
    expect(attempt.logs.get("gate:alone")).toBe(`${place}: no proxy, ECONNREFUSED\n`);
  });

  it("a setup that fails for want of a host says which, and where to allow it", async () => {
    const config = `setup: {commands: [node reach.mjs registry.example:443]}\negress: {setup: [other.example]}\n`;
    await using attempt = await attemptWith(kind, config, "true");
    const failure = await runAttempt(await attempt.context()).then(
      () => undefined,
      (error: SlipwayError) => error,
    );
    expect(failure).toMatchObject({ code: "SETUP_FAILED", details: { refusedHosts: ["registry.example:443"] } });
    expect(failure?.hint).toContain("It asked for registry.example:443 and was refused: if that is right, add it to `egress.setup` of .slipway.yaml.");
  });

  it("a name that leads to the inside is refused where the installation does not allow it, on a list or not", async () => {
    const config = `egress: {turn: ["${place}"]}\n`;
    await using attempt = await attemptWith(kind, config, `node reach.mjs ${place}`, { egressPrivateHosts: [] });
    expect(await runAttempt(await attempt.context())).toMatchObject({ kind: "change" });
    expect(toolOutput(attempt)).toContain("localhost leads to a private address");
  });
});
