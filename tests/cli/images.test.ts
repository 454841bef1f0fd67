import { once } from "node:events";
import { mkdir, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { Playground } from "./slipway.ts";

/** Without an engine; what needs one stands in tests/docker. */

vi.setConfig({ testTimeout: 60_000 });

let ground: Playground;
beforeAll(async () => {
  ground = await Playground.make();
});
afterAll(async () => await ground[Symbol.asyncDispose]());

test.each(["list", "build"])("%s without an engine says which one was tried and what to do", async (command) => {
  const place = ground.with({ DOCKER_HOST: `unix://${ground.folder}/no.sock` });
  const { code, stdout, stderr } = await place.slipway(ground.folder, "images", command);
  expect([code, stdout]).toEqual([5, ""]);
  expect(stderr).toMatch(/^error ENGINE_UNAVAILABLE: .*no\.sock does not answer: there is no such socket/);
  expect(stderr).toContain("apt install docker.io");
});

test("doctor without an engine fails, and names it", async () => {
  const place = ground.with({ DOCKER_HOST: `unix://${ground.folder}/no.sock` });
  const { code, stdout } = await place.slipway(ground.folder, "images", "doctor", "--json");
  expect(code).toBe(1);
  expect(JSON.parse(stdout)).toMatchObject({ ok: false, checks: [{ group: "engine", ok: false, required: true }] });
});

test("an engine that refuses is told of with its own words", async () => {
  const socket = join(ground.folder, "refuses.sock");
  const engine = createServer((request, response) => {
    const isPing = request.url?.endsWith("/_ping") === true;
    response
      .writeHead(isPing ? 200 : 500, { "content-type": "application/json" })
      .end(isPing ? "OK" : JSON.stringify({ message: "the storage driver is gone" }));
  }).listen(socket);
  await once(engine, "listening");
  const { code, stderr } = await ground.with({ DOCKER_HOST: `unix://${socket}` }).slipway(ground.folder, "images");
  engine.close();
  expect(code).toBe(5);
  expect(stderr).toMatch(/^error ENGINE_UNAVAILABLE: .* refused: .*the storage driver is gone/);
});

test("names that are no image end with 2 and say which there are", async () => {
  const unknown = await ground.slipway(ground.folder, "images", "build", "nothing");
  expect(unknown.code).toBe(2);
  expect(unknown.stderr).toMatch(/^error NOT_FOUND: There is no image called nothing\.\nThere are base, .*codex, .*all, stack\./);
  const plain = await ground.slipway(ground.folder, "images", "build", "script");
  expect(plain.stderr).toContain("script needs nothing more than the image base");
});

test("certificates that cannot be used are refused before anything is built; the option wins over slipway.yaml, whose path is from its own folder", async () => {
  await mkdir(ground.data, { recursive: true });
  await writeFile(join(ground.data, "slipway.yaml"), "extraCaCerts: ca.pem\n");
  await writeFile(join(ground.data, "ca.pem"), "no certificate");
  const fromFile = await ground.slipway(ground.folder, "images", "build", "base");
  expect(fromFile.code).toBe(2);
  expect(fromFile.stderr).toContain(`extraCaCerts: the file ${ground.data}/ca.pem cannot be used: there is no certificate in it`);
  const fromOption = await ground.slipway(ground.folder, "images", "build", "base", "--extra-ca-certs", "/nowhere.pem");
  expect(fromOption.stderr).toContain("/nowhere.pem cannot be used: it cannot be read (ENOENT)");
  await writeFile(join(ground.data, "slipway.yaml"), "");
});
