import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { buffer, text } from "node:stream/consumers";
import { runnerDigest } from "@slipway/process/runner-digest";
import { extract } from "tar-stream";
import { expect, test } from "vitest";
import { type ImagePlan, imagePlans } from "../plans.ts";
import { buildContext, type ContextSettings } from "./build-context.ts";

const installRoot = join(import.meta.dirname, "../../../..");
const PLANS = imagePlans([
  { name: "script", image: { npm: [], apt: [] } },
  { name: "codex", image: { npm: ["@openai/codex@0.169.0"], apt: ["jq"] } },
]);

function planOf(name: string): ImagePlan {
  const plan = PLANS.find((one) => one.name === name);
  if (!plan) throw new Error(`no plan ${name}`);
  return plan;
}

async function filesOf(name: string, settings: Partial<ContextSettings> = {}): Promise<Map<string, string>> {
  const files = new Map<string, string>();
  for await (const entry of (await buildContext(planOf(name), { installRoot, ...settings })).pipe(extract())) files.set(entry.header.name, await text(entry));
  return files;
}

test("the base's context: the lockfile, all manifests, the runner's sources without tests, and nothing else of the checkout", async () => {
  const files = await filesOf("base", { baseImage: "local:1" });
  const names = [...files.keys()];
  expect(
    names.filter((name) => /^(packages\/package-lock\.json|packages\/apps\/server\/package\.json|sources\/apps\/runner\/src\/main\.ts)$/.test(name)),
  ).toHaveLength(3);
  expect(names.filter((name) => name.startsWith("sources/apps/") && !name.startsWith("sources/apps/runner/"))).toEqual([]);
  expect(names.filter((name) => name.endsWith(".test.ts") || name.includes("node_modules") || name.startsWith("sources/packages/git/"))).toEqual([]);
  const dockerfile = files.get("Dockerfile");
  expect(dockerfile).toContain('ARG BASE_IMAGE="local:1"\n');
  expect(dockerfile).toContain(`ARG RUNNER="${runnerDigest(installRoot)}"\n`);
  expect(files.get("extra-ca-certs.pem")).toBe("");
});

test("a checkout that is made of the context has the digest that the image is labelled with", async () => {
  const copy = await mkdtemp(join(tmpdir(), "slipway-context-"));
  try {
    for (const [name, content] of await filesOf("stack")) {
      const [, path] = /^sources\/(.*)$/.exec(name) ?? [];
      if (path === undefined) continue;
      await mkdir(dirname(join(copy, path)), { recursive: true });
      await writeFile(join(copy, path), content);
    }
    expect(runnerDigest(copy)).toBe(runnerDigest(installRoot));
  } finally {
    await rm(copy, { recursive: true });
  }
});

test("a backend's context is its recipe and the certificates", async () => {
  const files = await filesOf("codex", { slipwayBase: "sha256:abc", certificates: Buffer.from("PEM") });
  expect([...files.keys()]).toEqual(["Dockerfile", "extra-ca-certs.pem"]);
  expect(files.get("extra-ca-certs.pem")).toBe("PEM");
  for (const line of ['ARG BASE="sha256:abc"', 'ARG NPM_PACKAGES="@openai/codex@0.169.0"', 'ARG APT_PACKAGES="jq"', 'ARG IMAGE="codex"'])
    expect(files.get("Dockerfile")).toContain(`${line}\n`);
});

test("the same checkout makes the same bytes, so that a builder knows what it has", async () => {
  const [one, two] = await Promise.all([buildContext(planOf("base"), { installRoot }), buildContext(planOf("base"), { installRoot })]);
  expect((await buffer(one)).equals(await buffer(two))).toBe(true);
});
