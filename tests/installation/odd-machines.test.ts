import { once } from "node:events";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { createServer as createHttpServer, request } from "node:http";
import { type AddressInfo, createServer } from "node:net";
import { basename, join } from "node:path";
import { Client } from "@slipway/protocol/client";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { git, Playground } from "../cli/slipway.ts";
import { SmallDisk, whyNoMount } from "../support/small-disk.ts";

/** A new user's first hour on a machine that is not as one would wish: each ends in words that say what to do, or just works. */
vi.setConfig({ testTimeout: 120_000, hookTimeout: 60_000 });

let ground: Playground;
let sandbox: string[];
let greet: string[];
let url: string;

beforeAll(async () => {
  ground = await Playground.make();
  sandbox = await ground.sandbox();
  await ground.start(ground.folder, "up", "--port", "0", ...sandbox).says("slipway jobs");
  url = JSON.parse(await readFile(join(ground.data, "server.json"), "utf8")).url;
  greet = await ground.script("greet", [{ write: { path: "greeting.txt", content: "hello\n" } }]);
});
afterAll(async () => await ground[Symbol.asyncDispose]());

const noMount = whyNoMount();
if (noMount) console.log(`left out: the test of a full disk under the command line: ${noMount}`);

test("without a git identity a job runs, takes uncommitted changes along, and lands", async () => {
  const root = await ground.repository("nobody");
  await git(root, "config", "--unset", "user.name");
  await git(root, "config", "--unset", "user.email");
  await writeFile(join(root, "note.txt"), "note\n");
  const home = join(ground.folder, "empty home");
  await mkdir(home);
  const nobody = ground.with({ HOME: home, GIT_CONFIG_NOSYSTEM: "1" });
  const { code, stdout, stderr } = await nobody.slipway(root, "run", "Write a greeting", "--include-dirty", ...greet);
  expect([code, stderr], stdout).toEqual([0, ""]);
  const [branch = ""] = /slipway\/write-a-greeting\S*/.exec(stdout) ?? [];
  expect(await git(root, "show", `${branch}:note.txt`)).toBe("note");
  expect(await git(root, "log", "-1", "--format=%an", `${branch}~1`)).toBe("Slipway");
});

// No folder can be made in there, not even by root; /proc says of itself that it is missing, which a recursive mkdir never ends with.
const homes = ["/dev/null", ...(process.platform === "linux" ? ["/proc"] : [])];

test.each(homes)("a home that cannot be written to, %s, is no trouble where SLIPWAY_DATA is elsewhere; without it the data folder is named", async (home) => {
  const root = await ground.repository(`homeless ${basename(home)}`);
  const homeless = ground.with({ HOME: home, SLIPWAY_DATA: join(ground.folder, `data of ${basename(home)}`) });
  const { code, stdout, stderr } = await homeless.slipway(root, "run", "Write a greeting", ...sandbox, ...greet);
  expect([code, stdout], stderr).toEqual([0, expect.stringContaining("landed")]);
  const lost = await ground.with({ HOME: home, SLIPWAY_DATA: undefined }).slipway(root, "run", "Write a greeting", ...sandbox, ...greet);
  expect(lost.code).toBe(2);
  expect(lost.stderr).toContain(`error INVALID_REQUEST: The data folder ${home}/.local/share/slipway cannot be used: `);
  expect(lost.stderr).toMatch(/\nChoose another one with --data or SLIPWAY_DATA\./);
});

test("a port that is taken is named, with what to type", async () => {
  const other = createServer().listen(0, "127.0.0.1");
  await once(other, "listening");
  const { port } = other.address() as AddressInfo;
  try {
    const { code, stderr } = await ground.slipway(ground.folder, "up", "--port", String(port), "--data", join(ground.folder, "second"), ...sandbox);
    expect([code, stderr]).toEqual([2, expect.stringMatching(new RegExp(`^error INVALID_REQUEST: The port ${port} is taken .*\\n.*--port; 0 takes any`))]);
  } finally {
    other.close();
  }
});

test("a server of another version is told of, once, and the command goes on; another patch is none", async () => {
  let version = "0.0.9";
  const { installationId } = await new Client({ url, token: "" }).call("health", {});
  // Passes on what it gets; only the version is another one.
  const between = createHttpServer((from, to) => {
    if (from.url === "/v1/health") {
      to.setHeader("content-type", "application/json").end(JSON.stringify({ ok: true, version, installationId }));
      return;
    }
    const headers = { ...from.headers, host: new URL(url).host };
    from.pipe(request(url + from.url, { method: from.method, headers }, (answer) => answer.pipe(to.writeHead(answer.statusCode ?? 500, answer.headers))));
  }).listen(0, "127.0.0.1");
  await once(between, "listening");
  try {
    const remote = ground.with({ SLIPWAY_URL: `http://127.0.0.1:${(between.address() as AddressInfo).port}` });
    const other = await remote.slipway(ground.folder, "jobs", "--json");
    expect(other.code, other.stderr).toBe(0);
    expect(JSON.parse(other.stdout)).toHaveProperty("jobs");
    expect(other.stderr.replaceAll("\n", " ").match(/warning: The server at \S+ is Slipway 0\.0\.9, and this command is \S+:/g)).toHaveLength(1);
    const own = JSON.parse((await ground.slipway(ground.folder, "version", "--json")).stdout).slipway as string;
    version = `${own.split(".").slice(0, 2).join(".")}.99`;
    expect((await remote.slipway(ground.folder, "jobs", "--json")).stderr).toBe("");
  } finally {
    between.close();
  }
});

test("a token that is over: what it is, and where to put another", async () => {
  const root = await ground.repository("late");
  const admin = new Client({ url, token: (await readFile(join(ground.data, "tokens", "admin.token"), "utf8")).trim() });
  const { token } = await admin.call("createToken", { body: { name: "over", role: "submitter", expiresAt: Date.now() - 1 } });
  const file = join(ground.folder, "over.token");
  await writeFile(file, token);
  const { code, stderr } = await ground.with({ SLIPWAY_URL: url, SLIPWAY_TOKEN_FILE: file }).slipway(root, "run", "Write a greeting", ...greet);
  expect([code, stderr]).toEqual([
    5,
    expect.stringMatching(/^error UNAUTHENTICATED: The token is unknown, revoked or over\.\nPut a valid token into the file that SLIPWAY_TOKEN_FILE/),
  ]);
});

if (noMount === undefined) {
  test("a data folder on a full disk is DISK_FULL, for what starts on it and for what is submitted", async () => {
    await using disk = await SmallDisk.mount(64);
    await disk.fill();
    const root = await ground.repository("no room");
    const data = ["--data", join(disk.path, "data")];
    for (const args of [
      ["up", "--port", "0"],
      ["run", "Write a greeting", ...greet],
    ]) {
      const { code, stderr } = await ground.slipway(root, ...args, ...data, ...sandbox);
      expect([code, stderr], String(args)).toEqual([
        5,
        expect.stringMatching(/^error DISK_FULL: .*\nFree disk space: .*move the data folder and name its new place in SLIPWAY_DATA/),
      ]);
    }
  });
}
