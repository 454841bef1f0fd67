import { X509Certificate } from "node:crypto";
import { chown, mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { rootCertificates } from "node:tls";
import { imageVersion } from "@slipway/images/references";
import { type ExecaError, execa } from "execa";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { type Answer, git, type Playground, type Watched } from "../cli/slipway.ts";
import { imageGround, testEngine } from "./support/engine.ts";

/** The whole stack under docker compose, used from the host by its command line, as docs/guides/docker.md tells it. */

vi.setConfig({ testTimeout: 240_000, hookTimeout: 600_000 });

const ROOT = join(import.meta.dirname, "../..");
const PARTS = ["gateway", "integrator", "server", "worker"];
/** What the jobs of these tests run in: the worker's own container, which has a user of its own and no network but the server's. */
const SANDBOX = "docker";
/** Not root: the stack runs as who started it. */
const USER = { uid: 1_000, gid: 1_000 };

let ground: Playground;
let folder: string;
let data: string;
let settings: string;

beforeAll(async () => {
  await testEngine();
  ground = await imageGround(process.env["SLIPWAY_EXTRA_CA_CERTS"]);
  const built = await ground.slipway(ground.folder, "images", "build", "stack", "--json");
  expect(built.code, built.stderr + built.stdout).toBe(0);
  folder = await mkdtemp(join(tmpdir(), "sc-"));
  data = join(folder, "data");
  const certificates = join(folder, "own.pem");
  await writeFile(certificates, `${rootCertificates[0]}\n`);
  const { stdout } = await execa(join(ROOT, "scripts/compose-settings"), [data], { env: { SLIPWAY_EXTRA_CA_CERTS: certificates } });
  settings = join(folder, "env");
  const own = { SLIPWAY_UID: USER.uid, SLIPWAY_GID: USER.gid, SLIPWAY_PORT: await freePort(), SLIPWAY_SANDBOX: SANDBOX, SLIPWAY_SLOTS: 1 };
  await writeFile(
    settings,
    `${stdout}\n${Object.entries(own)
      .map(([name, value]) => `${name}=${value}\n`)
      .join("")}`,
  );
  await chown(folder, USER.uid, USER.gid);
  await execa("chown", ["--recursive", `${USER.uid}:${USER.gid}`, data]);
  const up = await compose("up", "--detach", "--wait");
  if (up.exitCode !== 0) throw new Error(`${up.stderr}\n${(await compose("logs", "--tail", "20")).stdout}`);
});
afterAll(async () => {
  await compose("down", "--volumes", "--timeout", "20");
  await rm(folder, { recursive: true, force: true });
  await ground[Symbol.asyncDispose]();
});

/** Of a project of its own, with nothing of the caller's environment but the engine. */
async function compose(...args: string[]): Promise<{ exitCode?: number; stdout: string; stderr: string }> {
  const { PATH, DOCKER_HOST, DOCKER_CONFIG } = process.env;
  const command = ["compose", "--project-name", `slipway-test-${process.pid}`, "--file", join(ROOT, "docker/compose.yaml"), "--env-file", settings, ...args];
  return await execa("docker", command, {
    reject: false,
    extendEnv: false,
    env: { PATH, DOCKER_HOST, ...(DOCKER_CONFIG === undefined ? {} : { DOCKER_CONFIG }) },
  });
}

async function freePort(): Promise<number> {
  const { promise, resolve } = Promise.withResolvers<number>();
  const server = createServer().listen(0, "127.0.0.1", () => {
    const { port } = server.address() as { port: number };
    server.close(() => resolve(port));
  });
  return await promise;
}

interface Service {
  readonly Service: string;
  readonly Health: string;
  readonly State: string;
  readonly Publishers: ReadonlyArray<{ URL: string; PublishedPort: number }> | null;
}

async function services(): Promise<Service[]> {
  const { stdout } = await compose("ps", "--format", "json");
  const lines = stdout.split("\n").filter(Boolean);
  return lines.map((line) => JSON.parse(line) as Service).sort((a, b) => (a.Service < b.Service ? -1 : 1));
}

/** The command line of the host, which knows the data folder and nothing else. */
async function slipway(cwd: string, ...args: string[]): Promise<Answer> {
  return await ground.with({ SLIPWAY_DATA: data }).slipway(cwd, ...args);
}

test("all four are up and well, reached from this machine alone", async () => {
  const all = await services();
  expect(all.map(({ Service, State, Health }) => [Service, State, Health])).toEqual(PARTS.map((part) => [part, "running", "healthy"]));
  const published = all.flatMap(({ Publishers }) => Publishers ?? []).filter(({ PublishedPort }) => PublishedPort > 0);
  expect(published.map(({ URL }) => URL)).toEqual(["127.0.0.1"]);
});

test("each runs as its owner, without capabilities, on a root that is read-only, and with the keys of models in the gateway alone", async () => {
  await writeFile(join(data, "secrets/gateway/SAMPLE_KEY"), "sample\n", { mode: 0o600 });
  await chown(join(data, "secrets/gateway/SAMPLE_KEY"), USER.uid, USER.gid);
  const script = `id -u; grep CapEff /proc/self/status; touch /etc/x 2>&1 | grep -o 'Read-only'; cat ${data}/secrets/gateway/SAMPLE_KEY 2>/dev/null; ls ${data}/server | wc -l`;
  const said = await Promise.all(PARTS.map(async (part) => (await compose("exec", "--no-TTY", part, "sh", "-c", script)).stdout.split("\n")));
  const [gateway, integrator, server, worker] = said;
  for (const lines of said) expect(lines.slice(0, 3)).toEqual(["1000", "CapEff:\t0000000000000000", "Read-only"]);
  expect(gateway?.slice(3)).toEqual(["sample", "0"]);
  expect([integrator?.slice(3), worker?.slice(3)]).toEqual([["0"], ["0"]]);
  expect(Number(server?.[3])).toBeGreaterThan(1);
});

test("only the worker has the engine's socket", async () => {
  const has = await Promise.all(PARTS.map(async (part) => (await compose("exec", "--no-TTY", part, "test", "-S", "/var/run/docker.sock")).exitCode === 0));
  expect(has).toEqual([false, false, false, true]);
});

test("what compose started is what the host's command line finds by the data folder, and lands a job with one run", async () => {
  const root = await ground.repository("from-the-host");
  const greet = await ground.script("greet", [{ write: { path: "greeting.txt", content: "hello\n" } }]);
  const { code, stdout, stderr } = await slipway(root, "run", "Write a greeting", "--sandbox", SANDBOX, ...greet, "--json");
  expect(code, stderr + stdout).toBe(0);
  const [branch = ""] = (await git(root, "branch", "--list", "slipway/*", "--format", "%(refname:short)")).split("\n");
  expect(await git(root, "show", `${branch}:greeting.txt`)).toBe("hello");
  const { workers } = JSON.parse((await slipway(root, "workers", "--json")).stdout) as { workers: Array<{ name: string; state: string; version: string }> };
  expect(workers).toMatchObject([{ name: "compose", state: "connected", version: imageVersion(ROOT) }]);
  // The image has the dashboard of this checkout.
  const { url } = JSON.parse((await slipway(root, "open", "--json")).stdout) as { url: string };
  const page = await fetch(new URL("/", url));
  expect(page.status).toBe(200);
  expect(await page.text()).toContain("/assets/index-");
});

/** A job that is at work until `letGo` is called; its agent waits for a file. */
async function waitingJob(name: string): Promise<{ run: Watched; root: string }> {
  const root = await ground.repository(name);
  const wait = await ground.script(name, [{ write: { path: "waiting.txt", content: `${name}\n` } }, { waitFor: "go.txt" }]);
  const run = ground.with({ SLIPWAY_DATA: data }).start(root, "run", "Wait for it", "--sandbox", SANDBOX, ...wait);
  await run.says("write waiting.txt");
  return { run, root };
}

/** Lets the agent go on, in whichever attempt it waits, until the command has ended. */
async function letGo(run: Watched): Promise<Answer> {
  const ended = run.end();
  const trouble = Promise.withResolvers<never>();
  const timer = setInterval(() => void putGo().catch(trouble.reject), 500);
  try {
    return await Promise.race([ended, trouble.promise]);
  } finally {
    clearInterval(timer);
  }
}

async function putGo(): Promise<void> {
  const { stdout } = await execa("find", [join(data, "worker/sandboxes"), "-name", "waiting.txt"], { reject: false });
  for (const waiting of stdout.split("\n").filter(Boolean)) {
    // The workspace may be gone meanwhile.
    await writeFile(join(dirname(waiting), "go.txt"), "go\n").catch((error: NodeJS.ErrnoException) => {
      if (error.code !== "ENOENT") throw error;
    });
  }
}

async function restart(part: string): Promise<void> {
  const { exitCode, stderr } = await compose("restart", part);
  expect(exitCode, stderr).toBe(0);
}

test("a job that is at work while server, gateway and integrator are restarted lands once", async () => {
  const { run, root } = await waitingJob("restarted-around");
  for (const part of ["gateway", "integrator", "server"]) await restart(part);
  const { code, stdout, stderr } = await letGo(run);
  expect(code, stderr + stdout).toBe(0);
  expect((await git(root, "branch", "--list", "slipway/*")).split("\n")).toHaveLength(1);
});

test("a job whose worker is restarted is tried again, and lands once", async () => {
  const { run, root } = await waitingJob("restarted-under");
  await restart("worker");
  await run.says(/attempt 2 started[\s\S]*write waiting\.txt/);
  const { code, stdout, stderr } = await letGo(run);
  expect(code, stderr + stdout).toBe(0);
  expect((await git(root, "branch", "--list", "slipway/*")).split("\n")).toHaveLength(1);
});

test("a part whose server is gone says so in its health, and is well again with it", async () => {
  const health = async (): Promise<{ exitCode?: number; stdout: string }> =>
    await compose("exec", "--no-TTY", "integrator", "node", "/opt/slipway/docker/stack/health.ts", "integrator");
  await compose("stop", "server");
  expect(await health()).toMatchObject({ exitCode: 1 });
  expect((await compose("up", "--detach", "--wait", "--no-recreate")).exitCode).toBe(0);
  expect(await health()).toMatchObject({ exitCode: 0, stdout: expect.stringContaining("role integrator") });
});

test("with the right to mount, what the worker mounts is seen on the host, and jobs land as before", async () => {
  const overlay = ["--file", join(ROOT, "docker/compose.overlay.yaml")];
  // As it is where systemd runs.
  await execa("mount", ["--bind", data, data]);
  try {
    await execa("mount", ["--make-rshared", data]);
    const up = await compose(...overlay, "up", "--detach", "--wait");
    expect(up.exitCode, up.stderr).toBe(0);
    const place = join(data, "worker/trial");
    const script = `mkdir -p ${place}/lower ${place}/upper ${place}/work ${place}/merged && echo below >${place}/lower/below
      mount -t overlay overlay -o lowerdir=${place}/lower,upperdir=${place}/upper,workdir=${place}/work ${place}/merged && id -u`;
    expect(await compose(...overlay, "exec", "--no-TTY", "worker", "sh", "-c", script)).toMatchObject({ exitCode: 0, stdout: "0" });
    expect(await readFile(join(place, "merged/below"), "utf8")).toBe("below\n");
    await compose(...overlay, "exec", "--no-TTY", "worker", "umount", `${place}/merged`);
    await expect(readFile(join(place, "merged/below"))).rejects.toMatchObject({ code: "ENOENT" });
    const root = await ground.repository("with-mounts");
    const greet = await ground.script("with-mounts", [{ write: { path: "greeting.txt", content: "hello\n" } }]);
    const { code, stdout, stderr } = await slipway(root, "run", "Write a greeting", "--sandbox", SANDBOX, ...greet);
    expect(code, stderr + stdout).toBe(0);
  } finally {
    await compose("down", "--timeout", "20");
    await execa("umount", ["--lazy", data]);
  }
});

test("the certificates that the settings name are known to all parts that need them on disk", async () => {
  for (const part of ["integrator", "server", "worker"]) {
    const extra = await readFile(join(data, part, "certificates", "extra.pem"), "utf8");
    expect(new X509Certificate(extra).raw).toEqual(new X509Certificate(rootCertificates[0] ?? "").raw);
  }
});

test("the settings are those of who asks, and of a folder that is theirs alone", async () => {
  const text = await readFile(settings, "utf8");
  for (const line of [`SLIPWAY_DATA=${data}`, `SLIPWAY_VERSION=${imageVersion(ROOT)}`, `SLIPWAY_UID=${process.getuid?.()}`])
    expect(text).toContain(`${line}\n`);
  expect((await stat(join(data, "secrets/gateway"))).mode & 0o777).toBe(0o700);
  const refused = await execa(join(ROOT, "scripts/compose-settings"), [data], { env: { DOCKER_HOST: "tcp://127.0.0.1:1" }, reject: false });
  expect([refused.exitCode, (refused as ExecaError).stderr]).toEqual([2, expect.stringContaining("no socket of this machine")]);
});

test("without its settings compose starts nothing and says what makes them", async () => {
  const { PATH, DOCKER_CONFIG } = process.env;
  const { exitCode, stderr } = await execa("docker", ["compose", "--file", join(ROOT, "docker/compose.yaml"), "--env-file", "/dev/null", "config"], {
    ...{ reject: false, extendEnv: false, env: { PATH, ...(DOCKER_CONFIG === undefined ? {} : { DOCKER_CONFIG }) } },
  });
  expect(exitCode).not.toBe(0);
  expect(stderr).toContain("run scripts/compose-settings >docker/.env");
});
