import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createSandboxProvider } from "../../apps/worker/src/sandbox/create.ts";
import type { Sandbox } from "../../apps/worker/src/sandbox/sandbox.ts";
import { INSTALL_ROOT, logText, never, openBench, play, type SandboxBench, shell, until } from "./bench.ts";
import { processesWith } from "./live-processes.ts";

let bench: SandboxBench;
let sandbox: Sandbox;
beforeAll(async () => {
  bench = await openBench("bwrap");
  await mkdir(join(bench.data, "tokens"));
  await writeFile(join(bench.data, "tokens/admin.token"), "top secret\n");
  sandbox = await bench.start();
  await bench.start("neighbour");
});
afterAll(async () => {
  await bench[Symbol.asyncDispose]();
});

async function inside(text: string): Promise<string> {
  const { output } = await sandbox.run(shell(`{ ${text}; } 2>&1`), never());
  return output.toString().trim();
}

async function inTurn(text: string, turnId: string): Promise<string> {
  const { events } = await play(sandbox, [{ shell: { command: text, expectExit: "any" } }], { request: { turnId } });
  const first = events.find(({ event }) => event.kind === "tool-result");
  return first?.event.kind === "tool-result" ? first.event.data.output : logText(events);
}

test("the data folder, tokens, other slots and home folders are not there", async () => {
  for (const path of [
    bench.data,
    join(bench.data, "tokens/admin.token"),
    join(bench.data, "worker/attempts/neighbour"),
    homedir(),
    "/root/.ssh",
    "/home/cloudsdk",
    bench.runtimeFolder,
    "/var/lib",
    "/etc/shadow",
    "/sys/fs",
    "/boot",
  ]) {
    expect(await inside(`ls -d ${path}`), path).toMatch(/No such file/);
    expect(await inTurn(`ls -d ${path} 2>&1`, `see:${path}`), path).toMatch(/No such file/);
  }
  expect(await inside("find / -xdev -name '*.token' -not -path '/usr/*' 2>/dev/null")).toBe("");
});

test("what is shown cannot be written", async () => {
  for (const path of [
    "/usr/x",
    "/etc/passwd",
    "/control/x",
    "/control/lease.json",
    "/control/run/s",
    "/x",
    `${INSTALL_ROOT}/apps/runner/x`,
    `${INSTALL_ROOT}/node_modules/x`,
  ]) {
    expect(await inTurn(`echo x 2>&1 >> ${path} || echo refused`, `write:${path}`), path).toMatch(/refused/);
  }
  expect(await inTurn("rm -f /control/run/s 2>&1; mv /control/lease.json /control/y 2>&1; ls /control/run/s /control/lease.json", "remove")).toContain(
    "/control/run/s\n",
  );
});

test("the kernel's switches of the host cannot be turned, though root may run the worker", async () => {
  for (const path of ["/proc/sys/vm/swappiness", "/proc/sys/kernel/core_pattern", "/proc/sysrq-trigger"]) {
    // Opened for writing, nothing is written: a failing test must not change this machine.
    expect(await inside(`sh -c ': >> ${path}' || echo refused`), path).toContain("refused");
  }
  expect(await inside("grep Cap /proc/self/status")).toMatch(/CapPrm:\s+0+\nCapEff:\s+0+\n/);
  expect(await inside("unshare -U true || echo refused")).toContain("refused");
  expect(await inside("mount -t tmpfs x /mnt || echo refused")).toContain("refused");
  expect(await inside("id -u; hostname")).toBe("1000\nslipway");
});

test("processes of the host cannot be seen", async () => {
  const pids = (await inside("echo /proc/[0-9]*")).split(" ");
  expect(pids.length).toBeLessThan(8);
  expect(await inTurn("cat /proc/*/cmdline | tr '\\0' ' '", "ps")).not.toContain("vitest");
});

test("the network is its own loopback, unless a one-shot asks for the host's", async () => {
  const server = createServer((socket) => socket.end("hello"));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  try {
    const { port } = server.address() as { port: number };
    const script = `node -e 'require("node:net").connect(${port}, "127.0.0.1").on("data", (d) => console.log(String(d))).on("error", (e) => console.log(e.code))'`;
    expect(await inside(script)).toBe("ECONNREFUSED");
    expect((await sandbox.run(shell(script, { network: "host" }), never())).output.toString().trim()).toBe("hello");
    expect(await inside("tail -n +3 /proc/net/dev | cut -d: -f1 | tr -d ' '")).toBe("lo");
    expect(await inside("ls /etc/resolv.conf")).toMatch(/No such file/);
  } finally {
    server.close();
  }
});

test("descriptors that the worker inherited do not go on into the sandbox", async () => {
  const open = await inside("ls -l /proc/self/fd");
  // 3 is the folder that ls reads, 10 the shell's own copy of its standard error.
  for (const line of open.split("\n").filter((entry) => / -> /.test(entry))) expect(line).toMatch(/ (0|1|2|3|10) -> |\/dev\/null$/);
});

test("a toolchain is shown at its own path, a mask inside it is not, and the data folder as a whole is refused", async () => {
  const root = await mkdtemp(join(tmpdir(), "slipway-tool-"));
  try {
    await mkdir(join(root, "tool/data/shown"), { recursive: true });
    for (const path of ["tool/a", "tool/data/secret", "tool/data/shown/b"]) await writeFile(join(root, path), "content");
    const provider = createSandboxProvider("bwrap", { runtimeFolder: bench.runtimeFolder, installRoot: INSTALL_ROOT, maskPaths: [join(root, "tool/data")] });
    const spec = await bench.spec();
    await using other = await provider.start({ ...spec, readOnly: [join(root, "tool"), join(root, "tool/data/shown")] }, never());
    const { output } = await other.run(shell(`cd ${root}/tool && find . -type f | sort && ! touch new`), never());
    expect(output.toString()).toMatch(/^\.\/a\n\.\/data\/shown\/b\n/);
    for (const path of [join(root, "tool/data"), "/", homedir(), "/proc/1"]) {
      await expect(provider.start({ ...spec, readOnly: [path] }, never()), path).rejects.toMatchObject({ code: "SANDBOX_UNAVAILABLE" });
    }
  } finally {
    await rm(root, { recursive: true, force: true });
  }
});

test("a folder that is missing is SANDBOX_UNAVAILABLE, in bwrap's own words", async () => {
  const spec = await bench.spec();
  const started = bench.provider.start({ ...spec, readOnly: ["/no/such/folder"] }, never());
  await expect(started).rejects.toMatchObject({ code: "SANDBOX_UNAVAILABLE", message: expect.stringContaining("/no/such/folder") });
  const run = sandbox.run(shell("true", { mounts: [{ host: "/no/such/folder", inside: "/x", writable: false }] }), never());
  await expect(run).rejects.toMatchObject({ code: "SANDBOX_UNAVAILABLE", message: expect.stringContaining("bwrap:") });
});

test("the agent can neither kill nor stop what ends the sandbox, and a storm of forks ends within a second", async () => {
  const other = await bench.start();
  const mark = `7${process.pid}.5`;
  const storm = `kill -9 1; kill -STOP 1; for i in $(seq 200); do (setsid sh -c 'while :; do (exec sleep ${mark}) & sleep 0.02; done' &) ; done`;
  await play(other, [{ daemon: storm }, { print: "begun" }]);
  await until(() => processesWith(mark).length > 100);
  const startedAt = performance.now();
  await other.end();
  const tookMs = performance.now() - startedAt;
  expect(processesWith(mark)).toEqual([]);
  expect(tookMs).toBeLessThan(3_000);
});
