import { execFile } from "node:child_process";
import { chmod, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { type GatewayCheck, gatewayCheckSchema } from "@slipway/protocol/gateway-config";
import { afterEach, beforeEach, expect, test } from "vitest";
import { configFor, GatewayBench, REAL_KEY } from "./gateway-process.ts";
import { StubControlPlane } from "./stub-control-plane.ts";
import { json, STREAM, StubVendor, stream } from "./stub-vendor.ts";

const MAIN = join(import.meta.dirname, "../../apps/gateway/src/main.ts");
const ENV_KEY = "sk-from-the-environment";

let plane: StubControlPlane;
let vendor: StubVendor;
let bench: GatewayBench;

beforeEach(async () => {
  plane = await StubControlPlane.start();
  vendor = await StubVendor.start();
  bench = await GatewayBench.create({ url: plane.url, config: configFor(vendor.baseUrl, `  env: {baseUrl: "${vendor.baseUrl}", key: ENV_KEY}\n`) });
});
afterEach(async () => {
  await bench[Symbol.asyncDispose]();
  await vendor[Symbol.asyncDispose]();
  await plane[Symbol.asyncDispose]();
});

const keySent = (): string | undefined => vendor.requests.at(-1)?.headers.authorization;

test("keys come from files and from the environment; a new one needs no restart", async () => {
  await bench.start({ ENV_KEY });
  vendor.answer = stream(STREAM);
  await bench.ask();
  expect(keySent()).toBe(`Bearer ${REAL_KEY}`);
  await bench.ask({ path: "/env/v1/responses" });
  expect(keySent()).toBe(`Bearer ${ENV_KEY}`);
  const file = join(bench.data, "secrets/gateway/TEST_KEY");
  await writeFile(file, "sk-new\n");
  await bench.ask();
  expect(keySent()).toBe("Bearer sk-new");
  await chmod(file, 0o644);
  const refused = await bench.ask();
  expect(refused).toMatchObject({ status: 400, json: { error: { code: "SECRET_MISSING" } } });
  expect(refused.body).toContain(`chmod 600 ${file}`);
  await rm(file);
  expect((await bench.ask()).json.error?.code).toBe("SECRET_MISSING");
});

test("no file but its own holds a key, and no log", async () => {
  await bench.start({ ENV_KEY });
  vendor.answer = json(500, { error: { message: `${REAL_KEY} and ${ENV_KEY}` } });
  await bench.ask();
  await bench.ask({ path: "/env/v1/responses" });
  await bench.end("SIGTERM");
  const files = await readdir(bench.data, { recursive: true, withFileTypes: true });
  const texts = await Promise.all(
    files
      .filter((file) => file.isFile() && !file.parentPath.includes("secrets"))
      .map(async (file) => `${file.name}: ${await readFile(join(file.parentPath, file.name), "utf8")}`),
  );
  expect(texts.length).toBeGreaterThan(3);
  for (const text of [...texts, bench.log]) {
    // A vendor's words are masked for the key that it was sent; the other one stands there as the test's vendor wrote it.
    expect(text.replaceAll(`*** and ${ENV_KEY}`, "").replaceAll(`${REAL_KEY} and ***`, "")).not.toMatch(/sk-the-real-key|sk-from-the-env/);
  }
});

async function check(env: Record<string, string> = {}): Promise<GatewayCheck> {
  const { stdout } = await promisify(execFile)(process.execPath, [MAIN, "check", "--data", bench.data], { env: { PATH: process.env["PATH"], ...env } });
  expect(stdout).not.toMatch(/sk-the-real-key|sk-from-the-env/);
  return gatewayCheckSchema.parse(JSON.parse(stdout));
}

test("check tells where each key is, and what the vendor says to it, beside a running gateway", async () => {
  await bench.start();
  vendor.answer = (response, request) =>
    request.headers.authorization === `Bearer ${REAL_KEY}`
      ? json(200, { object: "list", data: [] })(response, request)
      : json(401, { error: { message: `Incorrect API key: ${String(request.headers.authorization)}` } })(response, request);
  const { configFile, problem, providers } = await check({ ENV_KEY });
  expect([configFile, problem]).toEqual([join(bench.data, "gateway.yaml"), null]);
  const file = (name: string): string => join(bench.data, "secrets/gateway", name);
  expect(providers).toEqual([
    {
      provider: "test",
      baseUrl: vendor.baseUrl,
      keyName: "TEST_KEY",
      keyFrom: file("TEST_KEY"),
      keyFile: file("TEST_KEY"),
      answer: { ok: true, found: "answers" },
    },
    {
      provider: "env",
      baseUrl: vendor.baseUrl,
      keyName: "ENV_KEY",
      keyFrom: "environment",
      keyFile: file("ENV_KEY"),
      answer: { ok: false, found: "401: Incorrect API key: Bearer ***" },
    },
  ]);
  expect(vendor.requests.map(({ method, url }) => `${method} ${url}`)).toEqual(["GET /v1/models", "GET /v1/models"]);
});

test("check tells of missing and open keys, and of a broken configuration", async () => {
  await chmod(join(bench.data, "secrets/gateway/TEST_KEY"), 0o640);
  const [open, missing] = (await check()).providers;
  expect(open).toMatchObject({ keyFrom: null, answer: { ok: false, found: expect.stringContaining("chmod 600") } });
  expect(missing).toMatchObject({ keyName: "ENV_KEY", keyFrom: null, answer: null });
  await writeFile(join(bench.data, "gateway.yaml"), "nothing: 1\n");
  expect(await check()).toMatchObject({ problem: { code: "INVALID_CONFIG", message: expect.stringContaining("gateway.yaml:1:1") }, providers: [] });
  await rm(join(bench.data, "gateway.yaml"));
  expect(await check()).toMatchObject({
    configFile: null,
    problem: null,
    providers: [
      { provider: "openai", keyName: "OPENAI_API_KEY", answer: null },
      { provider: "anthropic", keyName: "ANTHROPIC_API_KEY", answer: null },
      { provider: "gemini", keyName: "GEMINI_API_KEY", answer: null },
      { provider: "moonshot", keyName: "MOONSHOT_API_KEY", answer: null },
      { provider: "dashscope", keyName: "DASHSCOPE_API_KEY", answer: null },
      { provider: "mistral", keyName: "MISTRAL_API_KEY", answer: null },
    ],
  });
});
