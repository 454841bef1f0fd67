import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Engine } from "@slipway/images/engine/engine";
import { imageState } from "@slipway/images/engine/image-state";
import { tryCommand, tryRunner } from "@slipway/images/engine/try-image";
import { COMPILE_CACHE_IN_IMAGE, NODE_IN_IMAGE, RUNNER_IN_IMAGE } from "@slipway/images/layout";
import { imageReference, imageVersion } from "@slipway/images/references";
import { runnerDigest } from "@slipway/process/runner-digest";
import { manifestSchema } from "@slipway/protocol/manifest";
import { execa } from "execa";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { z } from "zod";
import type { Answer, Playground } from "../cli/slipway.ts";
import { imageGround, testEngine } from "./support/engine.ts";

/** The images, built for real on a base that no registry was needed for. */

vi.setConfig({ testTimeout: 120_000, hookTimeout: 600_000 });

const ROOT = join(import.meta.dirname, "../..");
/** Of the agents one from npm, and one from PyPI; `scripts/conformance` tries them all. */
const NAMES = ["base", "codex", "miniswe"];
const VERSION = imageVersion(ROOT);
const BASE = imageReference("base", VERSION);

let engine: Engine;
let ground: Playground;
/** A line of a certificate that nobody else has. */
let certificateLine: string;

interface BuiltImage {
  readonly name: string;
  readonly id: string;
  readonly sizeBytes: number;
  readonly steps: number;
  readonly cachedSteps: number;
}

async function build(...args: string[]): Promise<Answer> {
  return await ground.slipway(ground.folder, "images", "build", ...args);
}

async function builtImages(): Promise<BuiltImage[]> {
  const { code, stdout, stderr } = await build(...NAMES, "--json");
  expect(code, stderr + stdout).toBe(0);
  return (JSON.parse(stdout) as { images: BuiltImage[] }).images;
}

beforeAll(async () => {
  engine = await testEngine();
  ground = await imageGround(undefined);
  const own = join(ground.folder, "own.pem");
  await execa("openssl", ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "/dev/null", "-out", own, "-subj", "/CN=slipway test", "-days", "1"]);
  const certificate = await readFile(own, "utf8");
  certificateLine = certificate.split("\n")[3] ?? "";
  // What this machine's network needs goes along.
  const machines = process.env["SLIPWAY_EXTRA_CA_CERTS"];
  const bundle = join(ground.folder, "bundle.pem");
  await writeFile(bundle, `${machines === undefined ? "" : await readFile(machines, "utf8")}\n${certificate}`);
  ground = ground.with({
    DOCKER_HOST: process.env["DOCKER_HOST"],
    SLIPWAY_BASE_IMAGE: ground.environment["SLIPWAY_BASE_IMAGE"],
    SLIPWAY_BUILD_NETWORK: "host",
    SLIPWAY_EXTRA_CA_CERTS: bundle,
  });
  for (const { name, sizeBytes } of await builtImages()) console.log(`${imageReference(name, VERSION)}: ${Math.round(sizeBytes / 1_048_576)} MiB`);
});
afterAll(async () => await ground[Symbol.asyncDispose]());

test("a second build of the same checkout builds no step again", async () => {
  const before = await Promise.all(NAMES.map(async (name) => (await imageState(engine, imageReference(name, VERSION)))?.id));
  const again = await builtImages();
  expect(again.map(({ name, steps, cachedSteps }) => [name, steps > 5, steps - cachedSteps])).toEqual(NAMES.map((name) => [name, true, 0]));
  expect(again.map(({ id }) => id)).toEqual(before);
});

test("doctor finds each of them well, and its backends working inside", async () => {
  const { code, stdout } = await ground.slipway(ground.folder, "images", "doctor", ...NAMES, "--json");
  const { checks } = JSON.parse(stdout) as { checks: Array<{ group: string; name: string; ok: boolean; found: string }> };
  // No image of ours brings an agent for `acp`: it is whatever somebody adds.
  expect(checks.filter(({ ok, name }) => !ok && name !== "acp")).toEqual([]);
  expect(checks.map(({ group, name }) => `${group} ${name}`)).toEqual(
    expect.arrayContaining(["base script", "codex codex", "codex script", "miniswe miniswe", "base fits"]),
  );
  expect(code).toBe(0);
});

test("they say what they are: image, version, and the digest of this checkout's runner", async () => {
  for (const name of NAMES) {
    expect(await imageState(engine, imageReference(name, VERSION))).toMatchObject({ image: name, version: VERSION, runner: runnerDigest(ROOT) });
  }
});

test("who runs in them is the user agent, with nothing to become root by, and needs no writable root", async () => {
  const script =
    "id -u; id -un; pwd; touch /tmp/here && echo tmp; touch /home/agent/here && echo home; touch /etc/there; touch /opt/slipway/there; git --version; rg --version | head -n 1; find / -xdev -type f -perm /6000";
  const { exitCode, stdout, stderr } = await tryCommand(engine, BASE, ["sh", "-c", script]);
  expect(stdout.split("\n")).toEqual([
    "1000",
    "agent",
    "/workspace",
    "tmp",
    "home",
    expect.stringMatching(/^git version 2\./),
    expect.stringMatching(/^ripgrep \d+/),
    "",
  ]);
  expect(stderr).toContain("'/etc/there': Read-only file system");
  expect(stderr).toContain("'/opt/slipway/there': Read-only file system");
  expect(exitCode).toBe(1); // find, on folders that are not the agent's
  expect((await engine.getImage(BASE).inspect()).Config.User).toBe("agent");
});

test("the runner answers inside, without network, and knows the backends; its compile cache is there for the agent's user", async () => {
  const { exitCode, stdout } = await tryRunner(engine, BASE, "describe");
  expect(exitCode).toBe(0);
  const names = z
    .array(manifestSchema)
    .parse(JSON.parse(stdout))
    .map(({ name }) => name);
  expect(names).toEqual(expect.arrayContaining(["claude-code", "codex", "command", "gemini", "miniswe", "script"]));
  const script = `const { directory } = require("node:module").enableCompileCache("${COMPILE_CACHE_IN_IMAGE}"); const { readdirSync, readFileSync } = require("node:fs");
    const files = readdirSync(directory, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
    for (const { parentPath, name } of files) readFileSync(parentPath + "/" + name); console.log(files.length > 50)`;
  expect(await tryCommand(engine, BASE, [NODE_IN_IMAGE, "-e", script])).toEqual({ exitCode: 0, stdout: "true\n", stderr: "" });
});

test("a program of the runner's that is not in the image cannot be asked: no daemon is in there", async () => {
  const { stdout } = await tryCommand(engine, BASE, ["sh", "-c", `ls /opt/slipway/apps; ls /opt/slipway/packages; test -f ${RUNNER_IN_IMAGE} && echo runner`]);
  expect(stdout.split("\n")).toEqual(["runner", "process", "protocol", "redact", "runner", ""]);
});

test("the list of what is installed tells packages of Debian and of npm, with the versions of the lockfile", async () => {
  const { stdout } = await ground.slipway(ground.folder, "images", "--json");
  const { images } = JSON.parse(stdout) as {
    images: Array<{ name: string; sizeBytes: number; fitsCheckout: boolean; software: Record<string, Array<Record<string, string>>> }>;
  };
  const [base] = images;
  const codex = images.find(({ name }) => name === "codex");
  expect([base?.name, base?.fitsCheckout]).toEqual(["base", true]);
  expect(base?.software["debian"]?.map(({ name }) => name)).toEqual(expect.arrayContaining(["git", "ripgrep", "ca-certificates", "libc6"]));
  const lock = JSON.parse(await readFile(join(ROOT, "package-lock.json"), "utf8")) as { packages: Record<string, { version: string }> };
  const { version } = lock.packages["node_modules/zod"] ?? {};
  expect(base?.software["npm"]).toContainEqual({ name: "zod", version, folder: "/opt/slipway/node_modules/zod" });
  expect(codex?.software["npm"]).toContainEqual({ name: "@openai/codex", version: "0.169.0", folder: "/usr/local/lib/node_modules/@openai/codex" });
  const table = await ground.slipway(ground.folder, "images");
  expect(table.stdout).toMatch(new RegExp(`${BASE} +ready +\\d+ MiB`));
});

test("of the certificates for the build's downloads nothing is left, in no layer and in no history", async () => {
  expect(certificateLine).toMatch(/^[\w+/]{64}$/);
  // A file of the image beside it, to see that the search finds what is there.
  const codex = imageReference("codex", VERSION);
  expect(await found(codex, [certificateLine, "opt/slipway/apps/runner/src/main.ts"])).toEqual(["opt/slipway/apps/runner/src/main.ts"]);
});

/** Which of these texts stand anywhere in what the engine would hand out of an image: its layers as tar archives, its configuration and history. */
async function found(reference: string, texts: readonly string[]): Promise<string[]> {
  const seen = new Set<string>();
  let tail = Buffer.alloc(0);
  for await (const chunk of (await engine.getImage(reference).get()) as AsyncIterable<Buffer>) {
    const piece = Buffer.concat([tail, chunk]);
    for (const text of texts) if (piece.includes(text)) seen.add(text);
    tail = piece.subarray(-100);
  }
  return [...seen];
}

test("a base image that is not here and in no registry in reach: the failure names it, and how to make one", async () => {
  const { code, stdout, stderr } = await build("base", "--base-image", "localhost:1/nowhere:1");
  expect(code).toBe(5);
  expect(stdout).toContain(`building ${BASE}`);
  expect(stderr).toMatch(/^error IMAGE_BUILD_FAILED: .*localhost:1\/nowhere:1.* is not here and cannot be fetched/);
  expect(stderr).toContain("scripts/build-base-image");
  // What was there stays.
  expect(await imageState(engine, BASE)).toMatchObject({ image: "base" });
});

test("a step that fails is named, with the last lines of what it said; nothing of it gets a name", async () => {
  // Its user may not write where the packages go.
  const before = (await imageState(engine, BASE))?.id;
  const { code, stdout } = await build("base", "--base-image", BASE, "--json");
  expect(code).toBe(5);
  const { error } = JSON.parse(stdout) as { error: { code: string; message: string; details: { output: string } } };
  expect(error).toMatchObject({ code: "IMAGE_BUILD_FAILED", message: expect.stringMatching(/cannot be built in step \d+ of \d+ \(RUN .*npm ci/s) });
  expect(error.details.output).toContain("EACCES");
  expect((await imageState(engine, BASE))?.id).toBe(before);
});

test("the same context builds elsewhere: what `images context` writes is what the build sent", async () => {
  const { DOCKER_HOST } = process.env;
  const tag = "slipway/context-trial:1";
  const context = execa(process.execPath, ["--disable-sigusr1", join(ROOT, "apps/cli/src/main.ts"), "images", "context", "base"], {
    env: ground.environment,
    extendEnv: false,
    encoding: "buffer",
  });
  const { stdout } = await execa("docker", ["build", "--quiet", "--network", "host", "--tag", tag, "-"], {
    input: (await context).stdout,
    env: { DOCKER_HOST, DOCKER_BUILDKIT: "0" },
  });
  try {
    expect(stdout.trim()).toBe((await imageState(engine, BASE))?.id);
  } finally {
    await engine.getImage(tag).remove({ noprune: true });
  }
});
