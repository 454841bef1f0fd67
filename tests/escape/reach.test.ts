import { execFile } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type ListenOptions, type Server } from "node:net";
import { networkInterfaces, tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Sandbox } from "../../apps/worker/src/sandbox/sandbox.ts";
import { never, openBench, play, type SandboxBench, shell } from "../sandbox/bench.ts";
import { NetworkYard, whyNoNetwork } from "../support/network-yard.ts";
import { ISOLATED } from "./kinds.ts";

/** Nobody outside of a sandbox is reached from inside: no address of this machine or beside it, no socket, no engine. */

const noNetwork = whyNoNetwork();
if (noNetwork) console.warn(`left out: listeners on a bridge and in another network namespace: ${noNetwork}`);

/** Tries to connect to HOST:PORT, or to a socket, and prints what it hears or why it cannot. */
const KNOCK = `const [a, b] = process.argv.slice(1);
require("node:net").connect(b ? { host: a, port: Number(b) } : { path: a.replace("@", String.fromCharCode(0)) }).setTimeout(3000, function () { this.destroy(new Error("silence")); })
  .on("data", (d) => console.log(String(d))).on("error", (e) => console.log(e.code ?? e.message));`;

function knock(...address: string[]): string {
  return `node -e '${KNOCK.replaceAll("\n", " ")}' ${address.join(" ")}`;
}

async function listener(where: ListenOptions): Promise<Server> {
  const server = createServer((socket) => socket.end("hello")).listen(where);
  await once(server, "listening");
  return server;
}

describe.each(ISOLATED)("from inside of %s", (kind) => {
  let bench: SandboxBench;
  let sandbox: Sandbox;
  let folder: string;
  beforeAll(async () => {
    bench = await openBench(kind);
    sandbox = await bench.start();
    folder = await mkdtemp(join(tmpdir(), "slipway-reach-"));
  }, 60_000);
  afterAll(async () => {
    await bench?.[Symbol.asyncDispose]();
    if (folder) await rm(folder, { recursive: true, force: true });
  }, 60_000);

  let turns = 0;
  let ordinal = 0;
  /** What a shell command prints, as the agent's own and as a gate's. */
  async function fromInside(text: string): Promise<string[]> {
    turns += 1;
    const { events } = await play(sandbox, [{ shell: { command: `{ ${text}\n} 2>&1`, expectExit: "any" } }], {
      request: { turnId: `turn-${turns}` },
      afterOrdinal: ordinal,
    });
    ordinal = events.at(-1)?.ordinal ?? ordinal;
    const said = events.flatMap(({ event }) => (event.kind === "log" ? [event.data.text] : [])).join("");
    const { output } = await sandbox.run(shell(`{ ${text}\n} 2>&1`), never());
    return [said.trim(), output.toString().trim()];
  }

  /** The same command reaches the listener from here, or the test would say nothing. */
  async function expectOutOfReach(...address: string[]): Promise<void> {
    const here = await promisify(execFile)("sh", ["-c", knock(...address)]);
    expect(here.stdout.trim(), `from here ${address.join(":")}`).toBe("hello");
    for (const heard of await fromInside(knock(...address))) expect(heard, address.join(":")).toMatch(/^(ECONNREFUSED|ENETUNREACH|ENOENT|EADDRNOTAVAIL)$/);
  }

  test("a listener on loopback or on any address of this machine is out of reach", async () => {
    const [four, six] = [await listener({ port: 0, host: "0.0.0.0" }), await listener({ port: 0, host: "::1" })];
    try {
      const { port } = four.address() as { port: number };
      const own = Object.values(networkInterfaces()).flatMap((all) => (all ?? []).flatMap(({ address, family }) => (family === "IPv4" ? [address] : [])));
      for (const host of new Set(["127.0.0.1", ...own])) await expectOutOfReach(host, String(port));
      await expectOutOfReach("::1", String((six.address() as { port: number }).port));
    } finally {
      four.close();
      six.close();
    }
  }, 60_000);

  test.skipIf(noNetwork !== undefined)("a listener on a bridge, and one in another network namespace, are out of reach", async () => {
    await using yard = await NetworkYard.make();
    const server = await listener({ port: 0, host: yard.bridgeAddress });
    try {
      await expectOutOfReach(yard.bridgeAddress, String((server.address() as { port: number }).port));
      await expectOutOfReach(yard.farAddress, String(yard.farPort));
    } finally {
      server.close();
    }
  });

  test("a unix socket is out of reach, in a folder and in the kernel's own names", async () => {
    const [path, name] = [join(folder, "s"), `slipway-test-${process.pid}`];
    const servers = [await listener({ path }), await listener({ path: `\0${name}` })];
    try {
      await expectOutOfReach(path);
      await expectOutOfReach(`@${name}`);
    } finally {
      for (const server of servers) server.close();
    }
  });

  test("no engine's socket is there, nor a word of where it is", async () => {
    const engine = (process.env["DOCKER_HOST"] ?? "").replace("unix://", "");
    const sockets = ["/var/run/docker.sock", "/run/docker.sock", "/run/containerd/containerd.sock", "/run/podman/podman.sock", engine].filter(Boolean);
    for (const seen of await fromInside(`for path in ${sockets.join(" ")}; do test -e $path && echo $path; done; env | grep -i docker; true`))
      expect(seen).toBe("");
    for (const seen of await fromInside("find / -xdev -type s -not -path '/control/*' 2>/dev/null; true")) expect(seen).toBe("");
  });

  test("no name is known, and no packet gets out", async () => {
    const look = 'require("node:dns").lookup("example.com", (e) => console.log(e?.code))';
    for (const said of await fromInside(`node -e '${look}'`)) expect(said).toMatch(/^(EAI_AGAIN|ENOTFOUND)$/);
    const send =
      'const s = require("node:dgram").createSocket("udp4"); s.on("error", (e) => { console.log(e.code); s.close(); }); s.send("x", 53, "192.0.2.1", (e) => { console.log(e ? e.code : "sent"); s.close(); })';
    for (const said of await fromInside(`node -e '${send}'`)) expect(said).toMatch(/^ENETUNREACH/);
  });
});
