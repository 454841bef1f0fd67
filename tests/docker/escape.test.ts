import { execFileSync } from "node:child_process";
import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { networkInterfaces, tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { runAttempt } from "../../apps/worker/src/job/run-attempt.ts";
import { isShared } from "../../apps/worker/src/sandbox/docker/mounts.ts";
import { DEFAULT_LIMITS } from "../../apps/worker/src/sandbox/limits/limits.ts";
import type { Sandbox } from "../../apps/worker/src/sandbox/sandbox.ts";
import { INSTALL_ROOT, never, openBench, play, type SandboxBench, shell, until } from "../sandbox/bench.ts";
import { processesWith } from "../sandbox/live-processes.ts";
import { TestAttempt } from "../support/attempt-context.ts";
import { containersOf, hasEngine } from "./engine.ts";

/** From inside a container: each attempt to get at something else is refused or contained, and nothing of it remains. */

describe.runIf(hasEngine)("an agent in a container", () => {
  let bench: SandboxBench;
  let sandbox: Sandbox;
  /** Of the runner's events, of each sandbox, the last that a turn has brought. */
  const lastOf = new Map<Sandbox, number>();
  beforeAll(async () => {
    bench = await openBench("docker");
    await mkdir(join(bench.data, "tokens"));
    await writeFile(join(bench.data, "tokens/admin.token"), "top secret\n");
    sandbox = await bench.start();
    await bench.start("neighbour");
  }, 60_000);
  afterAll(async () => {
    await bench?.[Symbol.asyncDispose]();
  }, 60_000);

  /** What a shell command of the agent prints. */
  async function inTurn(text: string, within = sandbox): Promise<string> {
    const step = { shell: { command: `{ ${text}\n} 2>&1`, expectExit: "any" } };
    const afterOrdinal = lastOf.get(within) ?? 0;
    const { events } = await play(within, [step], { request: { turnId: `turn-after-${afterOrdinal}` }, afterOrdinal });
    lastOf.set(within, events.at(-1)?.ordinal ?? afterOrdinal);
    return events.flatMap(({ event }) => (event.kind === "log" ? [event.data.text] : [])).join("");
  }

  async function inside(text: string): Promise<string> {
    const { output } = await sandbox.run(shell(`{ ${text}\n} 2>&1`), never());
    return output.toString().trim();
  }

  test("sees no data folder, no other slot, no home of the host, no engine's socket", async () => {
    const paths = [bench.data, `${bench.data}/tokens/admin.token`, `${bench.data}/worker/attempts/neighbour`, "/root/.ssh", INSTALL_ROOT, bench.runtimeFolder];
    const sockets = ["/var/run/docker.sock", "/run/docker.sock", "/run/containerd", (process.env["DOCKER_HOST"] ?? "").replace("unix://", "")].filter(Boolean);
    for (const look of [inside, inTurn]) {
      const seen = await look(`for path in ${[...paths, ...sockets].join(" ")}; do ls -d "$path" 2>/dev/null && echo "is there: $path"; done; true`);
      expect(seen).toBe("");
    }
    expect(await inTurn("find / -xdev -name '*.token' -o -xdev -type s -not -path '/control/*' 2>/dev/null")).toBe("");
  });

  test("is nobody special: no user that is root, no capability, no new privilege, a filter of system calls", async () => {
    const status = await inTurn("id -u; grep -E '^(Cap|NoNewPrivs|Seccomp:)' /proc/self/status");
    expect(status).toMatch(/^[1-9]\d*\n/);
    for (const name of ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"]) expect(status).toMatch(new RegExp(`${name}:\\s+0+\\n`));
    expect(status).toMatch(/NoNewPrivs:\s+1\nSeccomp:\s+2/);
    for (const attempt of ["unshare -U true", "unshare -m true", "mount -t tmpfs x /mnt", "chroot / true", "mknod /tmp/disk b 254 0"])
      expect(await inTurn(`${attempt} || echo refused`), attempt).toContain("refused");
  });

  test("cannot write to the system, to its control folder or to what the kernel offers, nor replace the socket", async () => {
    const paths = [
      "/usr/x",
      "/etc/passwd",
      "/x",
      "/control/x",
      "/control/lease.json",
      "/control/run/s",
      "/opt/slipway/x",
      "/proc/sys/kernel/core_pattern",
      "/proc/sysrq-trigger",
    ];
    for (const path of paths) expect(await inTurn(`sh -c ': >> ${path}' || echo refused`), path).toContain("refused");
    expect(await inTurn("rm -f /control/run/s; mv /control/run /control/old; ls /control/run/s")).toContain("/control/run/s\n");
  });

  test("reaches no listener outside, on no address", async () => {
    const server = createServer((socket) => socket.end("hello"));
    await new Promise<void>((resolve) => server.listen(0, "0.0.0.0", resolve));
    try {
      const { port } = server.address() as { port: number };
      const own = Object.values(networkInterfaces()).flatMap((all) => (all ?? []).flatMap(({ address, family }) => (family === "IPv4" ? [address] : [])));
      const script = (host: string) =>
        `node -e 'require("node:net").connect(${port}, "${host}").on("data", (d) => console.log(String(d))).on("error", (e) => console.log(e.code))'`;
      for (const host of [...new Set(["127.0.0.1", ...own, "172.17.0.1"])]) expect(await inTurn(script(host)), host).toMatch(/^(ECONNREFUSED|ENETUNREACH)\n$/);
    } finally {
      server.close();
    }
  });

  test("sees no process of the host or of a neighbour, and can signal none", async () => {
    expect(await inTurn("cat /proc/*/cmdline | tr '\\0' ' '")).not.toContain("vitest");
    expect((await inTurn("echo /proc/[0-9]*")).split(" ").length).toBeLessThan(8);
    expect(await inside("cat /proc/*/cmdline | tr '\\0' ' '")).not.toContain("apps/runner");
  });

  test("keeps no process alive after its end, and cannot stop what ends it", async () => {
    const other = await bench.start();
    const mark = `7${process.pid}.6`;
    const storm = `kill -9 1; kill -STOP 1; for i in $(seq 50); do (setsid sh -c 'while :; do (exec sleep ${mark}) & sleep 0.05; done' &) ; done`;
    await play(other, [{ daemon: storm }, { print: "begun" }]);
    await until(() => processesWith(mark).length > 50);
    const startedAt = performance.now();
    await other.end();
    expect(performance.now() - startedAt).toBeLessThan(3_000);
    expect(processesWith(mark)).toEqual([]);
  });

  test("nothing of a container is left when it is ended", async () => {
    const other = await bench.start();
    const id = other.record.container?.id.slice(0, 12) ?? "";
    expect((await containersOf(bench.data)).some((line) => line.startsWith(id))).toBe(true);
    await other.end();
    await expect.poll(async () => (await containersOf(bench.data)).filter((line) => line.startsWith(id)), { timeout: 10_000 }).toEqual([]);
  });

  test("sees what is mounted below its workspace later, where mounts are told on", async () => {
    if (process.getuid?.() !== 0) return;
    const root = await mkdtemp(join(tmpdir(), "slipway-shared-"));
    execFileSync("mount", ["--bind", root, root]);
    execFileSync("mount", ["--make-rshared", root]);
    try {
      expect(isShared(join(root, "workspace"))).toBe(true);
      const spec = { ...(await bench.spec()), workspace: join(root, "workspace") };
      await mkdir(spec.workspace);
      await using other = await bench.provider.start(spec, never());
      execFileSync("mount", ["-t", "tmpfs", "later", spec.workspace]);
      await writeFile(join(spec.workspace, "late"), "seen\n");
      expect(await inTurn("cat /workspace/late", other)).toBe("seen\n");
      execFileSync("umount", [spec.workspace]);
      expect(await inTurn("ls /workspace", other)).toBe("");
    } finally {
      execFileSync("umount", [root]);
      await rm(root, { recursive: true, force: true });
    }
  });
});

describe.runIf(hasEngine)("limits of a container", () => {
  const limits = { ...DEFAULT_LIMITS, memoryBytes: 300_000_000, processes: 60, fileBytes: 5_000_000, cpus: 0.5 };
  let bench: SandboxBench;
  beforeAll(async () => {
    bench = await openBench("docker", { limits });
  });
  afterAll(async () => {
    await bench?.[Symbol.asyncDispose]();
  }, 60_000);

  test("a command that eats its memory is killed, and that is told with its limit; the next one is fine", async () => {
    const sandbox = await bench.start();
    // Its last line has no end, so it keeps all of it.
    const result = await sandbox.run(shell("exec tail /dev/zero", { timeoutMs: 60_000 }), never());
    expect(result).toMatchObject({ exitCode: 137, memory: { of: "sandbox", limitBytes: limits.memoryBytes } });
    expect(await sandbox.run(shell("true"), never())).toMatchObject({ memory: null, processes: null });
    expect(sandbox.memoryEvidence()).toBeNull();
  }, 90_000);

  test("an agent that eats its memory is told of too, also after the end", async () => {
    const sandbox = await bench.start();
    const { events } = await play(sandbox, [{ shell: { command: "exec tail /dev/zero", expectExit: "any" } }], {
      request: { timeoutMs: 60_000, stallMs: 60_000 },
    });
    expect(JSON.stringify(events)).toMatch(/exit (137|SIGKILL)/);
    expect(sandbox.memoryEvidence()).toMatchObject({ of: "sandbox", limitBytes: limits.memoryBytes });
    await sandbox.end();
    expect(sandbox.memoryEvidence()).toMatchObject({ of: "sandbox" });
  }, 90_000);

  test("a fork bomb ends at the limit, in its own container only", async () => {
    const sandbox = await bench.start();
    const bomb = await sandbox.run(shell("for i in $(seq 300); do sleep 5 & done; echo all of them"), never());
    expect(bomb.output.toString()).not.toContain("all of them");
    expect(bomb.processes).toMatchObject({ limit: limits.processes });
    expect(bomb.processes?.refused).toBeGreaterThan(0);
    expect(await sandbox.ping?.(5_000)).toBe(true);
    expect((await sandbox.run(shell("sleep 0 & wait; echo fine"), never())).output.toString()).toBe("fine\n");
  }, 60_000);

  test("a setup that is refused processes ends its attempt with PROCESS_LIMIT, and the figures", async () => {
    const bomb = "for i in $(seq 300); do sleep 5 & done; echo all of them";
    const files = { ".slipway.yaml": JSON.stringify({ setup: { commands: [bomb], network: "none" } }) };
    await using attempt = await TestAttempt.make({ files, provider: bench.provider, job: { backend: "script", backendConfig: { script: { turns: [] } } } });
    await expect(runAttempt(await attempt.context())).rejects.toMatchObject({
      code: "PROCESS_LIMIT",
      message: expect.stringMatching(/^The setup command `for i.* because its limit is 60\.$/),
      details: { limit: 60 },
    });
  }, 60_000);

  test("a file grows to its limit, and no core is dumped", async () => {
    const sandbox = await bench.start();
    const { output } = await sandbox.run(
      shell("ulimit -c; head -c 9000000 /dev/zero >large; echo $?; stat -c %s large; ulimit -f unlimited 2>&1 || echo kept"),
      never(),
    );
    // Two pipes: their order is theirs.
    for (const line of ["0", "153", "5000000", "kept"]) expect(output.toString().split("\n")).toContain(line);
  }, 60_000);

  test("its folder for temporary files is bounded by its memory, and leaves nothing", async () => {
    const before = await readdir(tmpdir());
    const sandbox = await bench.start();
    const { exitCode } = await sandbox.run(shell("for i in $(seq 100); do head -c 4000000 /dev/zero >/tmp/$i || exit 3; done", { timeoutMs: 60_000 }), never());
    expect(exitCode).not.toBe(0);
    expect((await readdir(tmpdir())).filter((name) => !before.includes(name) && /^\d+$/.test(name))).toEqual([]);
  }, 90_000);
});
