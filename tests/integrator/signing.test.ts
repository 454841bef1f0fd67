import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { LandingBench } from "../support/landing-bench.ts";

// Each test starts several processes; a busy machine takes its time.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 60_000 });

// A machine without gpg tries the rest; the suite of all machines has it.
const isGpgHere = !(await execa("gpg", ["--version"], { reject: false })).failed;
if (!isGpgHere) console.warn("left out: tests of signatures by gpg: install the package gnupg");
const withGpg = isGpgHere ? test : undefined;

const COMMITTER = "Slipway of Ship <slipway@ship.example>";

let bench: LandingBench;
let keys: string;
beforeEach(async () => {
  keys = await mkdtemp(join(tmpdir(), "swk-"));
  bench = await LandingBench.open({ ".slipway.yaml": "gates:\n  - name: test\n    run: node --test\n", "a.txt": "one\n" });
});
afterEach(async () => {
  await bench[Symbol.asyncDispose]();
  await rm(keys, { recursive: true, force: true });
});

async function putKey(text: string, name = "SHIP_SIGNS"): Promise<void> {
  const folder = join(bench.data, "secrets/integrator");
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await writeFile(join(folder, name), text, { mode: 0o600 });
}

async function hubId(): Promise<string> {
  const [repository] = (await bench.admin.call("listRepositories", {})).repositories;
  return repository?.id ?? "";
}

/** What `git verify-commit` says of a branch's commit on the hub; rejects where there is no good signature. */
async function verified(branch: string, config: readonly string[], env: Record<string, string> = {}): Promise<string> {
  const oid = await bench.hubGit("rev-parse", branch);
  const { stderr } = await execa("git", [...config, "verify-commit", "-v", oid], { cwd: join(bench.data, "server/hub", await hubId(), "upstream.git"), env });
  return stderr;
}

test("with an ssh key each landed commit is signed, one that needed no merge too, and its tree is the one that was tested", async () => {
  await execa("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-C", "slipway", "-f", join(keys, "key")]);
  await putKey(await readFile(join(keys, "key"), "utf8"));
  await writeFile(join(keys, "allowed"), `slipway@ship.example ${await readFile(join(keys, "key.pub"), "utf8")}`);
  const first = await bench.finishedJob("main", { "b.txt": "b\n" });
  const second = await bench.finishedJob("main", { "c.txt": "c\n" });
  await bench.startIntegrator(undefined, "--signing-key=SHIP_SIGNS", `--committer=${COMMITTER}`);
  const { job } = await bench.ended(first);
  expect((await bench.ended(second)).job.state).toBe("done");
  expect(job).toMatchObject({ state: "done" });
  expect(job.landedOid).not.toBe(job.resultOid);
  expect(bench.verified).toContain(job.landedOid);
  const allowed = ["-c", `gpg.ssh.allowedSignersFile=${join(keys, "allowed")}`];
  for (const commit of ["main", "main~1"]) expect(await verified(commit, allowed)).toContain('Good "git" signature for slipway@ship.example');
  expect(await bench.hubGit("log", "--format=%an|%cn <%ce>|%s", "main~2..main")).toBe(`Tess|${COMMITTER}|Change c.txt\nTess|${COMMITTER}|Change b.txt`);
  expect(await bench.hubGit("ls-tree", "--name-only", "main")).toBe(".slipway.yaml\na.txt\nb.txt\nc.txt");
});

withGpg?.("with a gpg key it is the same, and its key ring is gone with the integrator", async () => {
  const env = { GNUPGHOME: keys };
  const gpg = async (...args: string[]): Promise<string> => (await execa("gpg", ["--batch", "--no-tty", ...args], { env })).stdout;
  await gpg("--passphrase", "", "--pinentry-mode", "loopback", "--quick-generate-key", "Slipway <slipway@ship.example>", "ed25519", "sign", "1d");
  await putKey(await gpg("--armor", "--export-secret-keys"));
  const id = await bench.finishedJob("main", { "b.txt": "b\n" });
  await bench.startIntegrator(undefined, "--signing-key=SHIP_SIGNS");
  expect((await bench.ended(id)).job.state).toBe("done");
  expect(await verified("main", [], env)).toContain('Good signature from "Slipway <slipway@ship.example>"');
  await execa("gpgconf", ["--kill", "all"], { env });
});

test("a key that is missing, is none, or has a passphrase starts no integrator: nothing lands unsigned, and the job waits", async () => {
  const id = await bench.finishedJob("main", { "b.txt": "b\n" });
  const before = await bench.branch("main");
  const start = async (): Promise<string> => {
    const args = ["--data", bench.data, "--url", bench.url, "--token-file", join(bench.data, "tokens/integrator.token"), "--signing-key=SHIP_SIGNS"];
    const main = join(import.meta.dirname, "../../apps/integrator/src/main.ts");
    const { exitCode, stderr } = await execa(process.execPath, ["--disable-sigusr1", main, ...args], { reject: false });
    expect(exitCode).toBe(1);
    return stderr;
  };
  expect(await start()).toMatch(/SIGNING_FAILED.*there is no file/);
  await putKey("no key\n");
  expect(await start()).toMatch(/SIGNING_FAILED.*neither a private key/);
  await execa("ssh-keygen", ["-q", "-t", "ed25519", "-N", "a passphrase", "-f", join(keys, "locked")]);
  await putKey(await readFile(join(keys, "locked"), "utf8"));
  expect(await start()).toContain("SIGNING_FAILED");
  expect((await bench.admin.call("getJob", { params: { job: id } })).job.state).toBe("integrating");
  expect(await bench.branch("main")).toEqual(before);
});
