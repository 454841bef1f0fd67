import { mkdir, readFile, writeFile } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { Client } from "@slipway/protocol/client";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { type Answer, Playground, type Watched } from "./slipway.ts";

vi.setConfig({ testTimeout: 120_000, hookTimeout: 60_000 });

/** `slipway doctor worker`: what a deploy script asks before, and after, it starts a worker. */
let ground: Playground;
let up: Watched;
let sandbox: string[];

beforeAll(async () => {
  ground = await Playground.make();
  sandbox = await ground.sandbox();
  up = ground.start(ground.folder, "up", "--port", "0", ...sandbox);
  await up.says("slipway jobs");
});
afterAll(async () => await ground[Symbol.asyncDispose]());

interface Found {
  readonly group: string;
  readonly name: string;
  readonly ok: boolean;
  readonly required: boolean;
  readonly found: string;
}

function checksOf({ stdout }: Answer): Found[] {
  return JSON.parse(stdout).checks;
}

const failing = (answer: Answer): string[] =>
  checksOf(answer)
    .filter(({ ok, required }) => !ok && required)
    .map(({ group, name }) => `${group}: ${name}`);

test("beside a server that runs it ends with 0, and looks at nothing but what a worker needs", async () => {
  const answer = await ground.slipway(ground.folder, "doctor", "worker", "--json", ...sandbox);
  expect([answer.code, failing(answer)], answer.stdout).toEqual([0, []]);
  const groups = new Set(checksOf(answer).map(({ group }) => group));
  groups.delete("gateway"); // There where an agent that needs a model is installed.
  expect([...groups]).toEqual(["node", "git", "sandbox", "disk", "data folder", "configuration", "server", "clock", "backends"]);
  const found = (name: string): string => checksOf(answer).find((one) => one.name === name)?.found ?? "";
  expect(found("token")).toMatch(/has the role worker$/);
  expect(found("skew")).toBe("within a second of the server's");
  expect(found("one is ready")).toContain("script");
  if (sandbox.length === 0) expect(found("inside")).toMatch(/^git version .*, node v\d+/);
});

test("without a server it ends with 1 and says what to type; --wait waits for one", async () => {
  const data = join(ground.folder, "elsewhere");
  const alone = await ground.slipway(ground.folder, "doctor", "worker", "--data", data, "--json", ...sandbox);
  expect([alone.code, failing(alone)]).toEqual([1, ["server: server"]]);
  const waiting = ground.start(ground.folder, "doctor", "worker", "--data", data, "--wait", "2m", ...sandbox);
  const other = ground.start(ground.folder, "up", "--port", "0", "--data", data, ...sandbox);
  await other.says("slipway jobs");
  const { code, stdout } = await waiting.end();
  expect([code, stdout], stdout).toEqual([0, expect.stringContaining("All that is required is there.")]);
  other.signal("SIGINT");
  await other.end();
});

test("a token of another role, one that is over, one that is not there, and a server that does not answer fail it", async () => {
  await up.says(/url +(http\S+)/);
  const url = JSON.parse(await readFile(join(ground.data, "server.json"), "utf8")).url as string;
  const admin = new Client({ url, token: (await readFile(join(ground.data, "tokens", "admin.token"), "utf8")).trim() });
  const fileOf = async (name: string, body: { role: "viewer" | "worker"; expiresAt?: number }): Promise<string> => {
    const { token } = await admin.call("createToken", { body: { name, ...body } });
    const path = join(ground.folder, `${name}.token`);
    await writeFile(path, token);
    return path;
  };
  const viewer = await fileOf("viewer", { role: "viewer" });
  const over = await fileOf("over", { role: "worker", expiresAt: Date.now() - 1 });
  for (const [file, name, words] of [
    [viewer, "token", /has the role viewer/],
    [over, "server", /unknown, revoked or over/],
    ["/nowhere.token", "token", /cannot be read/],
  ] as const) {
    const answer = await ground.slipway(ground.folder, "doctor", "worker", "--token-file", file, "--json", ...sandbox);
    expect([answer.code, failing(answer)]).toEqual([1, [`server: ${name}`]]);
    expect(checksOf(answer).find(({ group }) => group === "server")?.found).toMatch(words);
  }
  const mine = join(ground.data, "tokens", "worker.token");
  const away = await ground.with({ SLIPWAY_URL: "http://127.0.0.1:1" }).slipway(ground.folder, "doctor", "worker", "--token-file", mine, "--json", ...sandbox);
  expect([away.code, failing(away)]).toEqual([1, ["server: server"]]);
});

test("no backend that is ready fails it", async () => {
  const plugins = join(ground.folder, "plugins");
  await mkdir(plugins, { recursive: true });
  await writeFile(join(plugins, "package.json"), "no json");
  const answer = await ground.with({ SLIPWAY_BACKENDS: plugins }).slipway(ground.folder, "doctor", "worker", "--json", ...sandbox);
  expect([answer.code, failing(answer).some((name) => name.startsWith("backends: "))], answer.stdout).toEqual([1, true]);
});

test("where a backend that needs a model is ready, the gateway must answer, in the folder that the worker is told of", async () => {
  const bin = join(ground.folder, "with an agent");
  await mkdir(bin);
  await writeFile(join(bin, "codex"), "#!/bin/sh\necho codex-cli 0.200.0\n", { mode: 0o755 });
  const place = ground.with({ PATH: bin + delimiter + (process.env["PATH"] ?? "") });
  const beside = await place.slipway(ground.folder, "doctor", "worker", "--json", ...sandbox);
  expect([beside.code, failing(beside)], beside.stdout).toEqual([0, []]);
  expect(checksOf(beside).find(({ group }) => group === "gateway")).toMatchObject({ ok: true, found: "answers" });
  const apart = await place.slipway(ground.folder, "doctor", "worker", "--gateway-folder", join(ground.folder, "nobody"), "--json", ...sandbox);
  expect([apart.code, failing(apart)], apart.stdout).toEqual([1, ["gateway: socket"]]);
});
