import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { RUNNER_LABEL, runnerDigest } from "@slipway/process/runner-digest";
import { execa } from "execa";

const ROOT = join(import.meta.dirname, "../..");
/** By the names under which the runner's parts import each other. */
const PARTS = {
  "backend-codex": "backends/codex",
  "backend-script": "backends/script",
  "backend-sdk": "backends/sdk",
  process: "packages/process",
  protocol: "packages/protocol",
  redact: "packages/redact",
};
const PACKAGES = ["diff", "execa", "uuidv7", "ws", "yaml", "zod"];
/** Those of `slipway images build`, where they are of this checkout. */
const OWN_IMAGES = ["slipway/base:0.1.0", "slipway/all:0.1.0"];
/** An image with git and a shell, on which a smaller one can be made for the tests alone; its own is not asked of any registry. */
const BASE_IMAGE = process.env["SLIPWAY_TEST_BASE_IMAGE"];

/** Why there can be no tests with containers on this machine; undefined where there can. */
export async function withoutEngine(): Promise<string | undefined> {
  const answer = await execa("docker", ["version", "--format", "{{.Server.Version}}"], { reject: false, timeout: 10_000 });
  if (answer.failed) return `no container engine answers: ${answer.stderr || answer.shortMessage}`;
  if (BASE_IMAGE !== undefined || (await ownImage())) return undefined;
  return "the engine has no image of this checkout: `slipway images build base` makes one";
}

/** The first of the installation's images whose runner is this checkout's. */
async function ownImage(): Promise<string | undefined> {
  const digest = runnerDigest(ROOT);
  for (const name of OWN_IMAGES) {
    const { stdout } = await execa("docker", ["image", "inspect", "--format", `{{index .Config.Labels "${RUNNER_LABEL}"}}`, name], { reject: false });
    if (stdout.trim() === digest) return name;
  }
  return undefined;
}

/** The name of an image with this checkout's runner; where nobody has built one, with the Node that runs the tests, kept as a cache is. */
export async function testImage(): Promise<string> {
  const own = await ownImage();
  if (own !== undefined) return own;
  const digest = runnerDigest(ROOT);
  const name = `slipway-test/base:${digest.slice(0, 16)}`;
  if (!(await execa("docker", ["image", "inspect", name], { reject: false })).failed) return name;
  if (BASE_IMAGE === undefined) throw new Error("There is no image of this checkout: `slipway images build base` makes one.");
  const context = await mkdtemp(join(tmpdir(), "slipway-image-"));
  try {
    const modules = join(context, "opt/node_modules");
    await mkdir(join(modules, "@slipway"), { recursive: true });
    const folders = ["apps/runner", ...Object.values(PARTS), ...(await closure(PACKAGES)).map((each) => `node_modules/${each}`), "package.json"];
    await execa("cp", ["-aL", "--parents", ...folders, join(context, "opt")], { cwd: ROOT });
    for (const [alias, part] of Object.entries(PARTS)) await symlink(`../../${part}`, join(modules, "@slipway", alias));
    await execa("cp", [process.execPath, join(context, "node")]);
    const labels = `LABEL dev.slipway.image=base ${RUNNER_LABEL}=${digest}`;
    await writeFile(join(context, "Dockerfile"), `FROM ${BASE_IMAGE}\nCOPY node /usr/local/bin/node\nCOPY opt /opt/slipway\n${labels}\n`);
    await execa("docker", ["build", "--quiet", "--tag", name, context], { env: { DOCKER_BUILDKIT: "0" }, timeout: 300_000 });
    return name;
  } finally {
    await rm(context, { recursive: true, force: true });
  }
}

/** These packages of this checkout and all that they depend on. */
async function closure(names: readonly string[], found = new Set<string>()): Promise<string[]> {
  for (const name of names.filter((each) => !found.has(each))) {
    found.add(name);
    const { dependencies = {} } = JSON.parse(await readFile(join(ROOT, "node_modules", name, "package.json"), "utf8")) as { dependencies?: object };
    await closure(Object.keys(dependencies), found);
  }
  return [...found];
}
