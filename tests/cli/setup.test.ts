import { cp, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { afterEach, beforeEach, expect, test } from "vitest";

const ROOT = join(import.meta.dirname, "../..");

/** A checkout with nothing but the scripts and one package to install. */
let checkout: string;

beforeEach(async () => {
  checkout = await mkdtemp(join(tmpdir(), "slipway-setup-"));
  await cp(join(ROOT, "scripts"), join(checkout, "scripts"), { recursive: true });
  const manifest = { name: "checkout", version: "1.0.0", dependencies: { "some-package": "1.0.0" } };
  await writeFile(join(checkout, "package.json"), JSON.stringify(manifest));
  const packages = { "": manifest, "node_modules/some-package": { version: "1.0.0", integrity: "sha512-AAAA" } };
  await writeFile(join(checkout, "package-lock.json"), JSON.stringify({ ...manifest, lockfileVersion: 3, requires: true, packages }));
});
afterEach(async () => await rm(checkout, { recursive: true }));

async function slipway(registry: string): Promise<{ code: number | undefined; stderr: string }> {
  await mkdir(join(checkout, "home"), { recursive: true });
  const { exitCode, stderr } = await execa(join(checkout, "scripts/slipway"), ["--version"], {
    env: { PATH: process.env["PATH"], HOME: join(checkout, "home"), npm_config_registry: registry, npm_config_fetch_retries: "0" },
    extendEnv: false,
    reject: false,
    stdin: "ignore",
  });
  return { code: exitCode, stderr };
}

test("a registry out of reach: npm's cause, the log's path and what to do, and no stack trace", async () => {
  // Nobody listens on port 1.
  const { code, stderr } = await slipway("http://127.0.0.1:1");
  expect(code).toBe(5);
  expect(stderr).toMatch(/^ {2}npm: code ECONNREFUSED$/m);
  expect(stderr).toContain("connect ECONNREFUSED 127.0.0.1:1");
  expect(stderr).toContain(
    `error INSTALL_FAILED: npm ci failed; npm's whole output is in ${checkout}/.slipway/npm-ci.log.\nThe package registry is out of reach`,
  );
  expect(stderr).not.toContain("node:events");
});

test("a package that the registry does not have: its name, and no word about the network", async () => {
  const registry = createServer((_, response) => response.writeHead(404, { "content-type": "application/json" }).end('{"error":"not found"}'));
  await new Promise<void>((resolve) => registry.listen(0, "127.0.0.1", resolve));
  try {
    const { code, stderr } = await slipway(`http://127.0.0.1:${(registry.address() as AddressInfo).port}`);
    expect(code).toBe(5);
    expect(stderr).toMatch(/^ {2}npm: code E404$/m);
    expect(stderr).toContain("some-package");
    expect(stderr).not.toContain("out of reach");
  } finally {
    registry.close();
  }
});

test("a lockfile that npm cannot use: what npm says, without the pages of its help", async () => {
  await writeFile(join(checkout, "package-lock.json"), "<<<<<<< HEAD");
  const { code, stderr } = await slipway("http://127.0.0.1:1");
  expect(code).toBe(5);
  expect(stderr).toMatch(/^ {2}npm: code EUSAGE$/m);
  expect(stderr).toContain("existing package-lock.json");
  expect(stderr).not.toContain("--install-strategy");
});
