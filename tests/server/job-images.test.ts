import { createHash } from "node:crypto";
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { JOB_IMAGE_LIMIT_BYTES, type SubmittedImage } from "@slipway/protocol/job-images";
import { newId } from "@slipway/protocol/scalars";
import { Pruner } from "@slipway/server/prune/pruner";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { noisePng } from "../support/png.ts";
import { sampleManifest } from "../support/sample-job.ts";
import { TestServer } from "./server-harness.ts";

let server: TestServer;
let repo: string;
beforeAll(async () => {
  server = await TestServer.start();
  repo = (await server.repository()).view.id;
});
afterAll(async () => await server[Symbol.asyncDispose]());

const SHOT = noisePng(40, 30, "shot");
const BUTTON = noisePng(4, 3, "button");
const send = (name: string, bytes: Buffer): SubmittedImage => ({ name, data: bytes.toString("base64") });
const digest = (bytes: Buffer): string => createHash("sha256").update(bytes).digest("hex");
const told = (name: string, bytes: Buffer) => ({ name, type: "image/png", bytes: bytes.length, sha256: digest(bytes) });
/** Those of these images that are kept. */
const kept = async (...images: Buffer[]): Promise<Buffer[]> => {
  const names = await readdir(join(server.data, "server/job-images"));
  return images.filter((bytes) => names.includes(digest(bytes)));
};
const fileOf = (bytes: Buffer): string => join(server.data, "server/job-images", digest(bytes));

test("images of a job are told of, and given back; the same one of two jobs is one file, and a restart keeps it", async () => {
  const job = await server.submit(repo, { images: [send("shot.png", SHOT), send("Knopf ☃.png", BUTTON)] });
  expect(job.images).toEqual([told("shot.png", SHOT), told("Knopf ☃.png", BUTTON)]);
  await server.submit(repo, { images: [send("other.png", SHOT)] });
  expect(await kept(SHOT, BUTTON)).toEqual([SHOT, BUTTON]);
  expect((await stat(fileOf(SHOT))).mode & 0o777).toBe(0o600);
  await server.restart();
  const viewer = server.client("viewer");
  expect((await viewer.call("getJob", { params: { job: job.id } })).job.images).toEqual(job.images);
  expect(Buffer.from(await viewer.jobImage(job.number, 1))).toEqual(SHOT);
  expect(Buffer.from(await server.client("worker").jobImage(job.id, 2))).toEqual(BUTTON);
  await expect(viewer.jobImage(job.id, 3)).rejects.toMatchObject({ code: "NOT_FOUND", details: { field: "image", value: 3 } });
  await expect(viewer.jobImage(job.id, 11)).rejects.toMatchObject({ code: "INVALID_REQUEST", details: { field: "image" } });
  const response = await fetch(`${server.url}/v1/jobs/${job.number}/images/1`, { headers: { authorization: `Bearer ${server.tokens.viewer}` } });
  expect(response.headers.get("x-content-type-options")).toBe("nosniff");
  expect((await server.request("GET", `/v1/jobs/${job.number}/images/1`, { role: null })).status).toBe(401);
});

test("the same submission twice is one job; a claim tells its worker of them", async () => {
  const sketch = noisePng(5, 5, "once");
  const body = { repo, task: "t", dedupeKey: "once", lane: "interactive" as const, images: [send("sketch.png", sketch)] };
  const submitter = server.client("submitter");
  const first = await submitter.call("submitJob", { body });
  const second = await submitter.call("submitJob", { body });
  expect([second.deduplicated, second.job.id, second.job.images]).toEqual([true, first.job.id, first.job.images]);
  const claim = await server.claim(await server.worker());
  expect(claim?.job.images).toEqual([told("sketch.png", sketch)]);
});

describe("what is no image of a job is refused, by its field, and nothing is kept", () => {
  // Comes first in most of them.
  const fine = noisePng(9, 9, "refused");
  const base64 = fine.toString("base64");
  afterAll(async () => expect(await kept(fine)).toEqual([]));
  test.each<[string, SubmittedImage[], object]>([
    [
      "no base64",
      [{ name: "a.png", data: `${base64.slice(0, 40)}\n${base64.slice(40)}` }],
      { field: "images.0.data", expected: expect.stringContaining("base64") },
    ],
    ["base64 without its padding", [send("a.png", fine), { name: "b.png", data: "iVBORw0KGgo" }], { field: "images.1.data" }],
    [
      "a page",
      [send("a.png", Buffer.from("<svg></svg>"))],
      { field: "images.0.data", expected: expect.stringContaining("image/png, image/jpeg, image/gif, image/webp") },
    ],
    ["nothing", [{ name: "a.png", data: "" }], { field: "images.0.data" }],
    [
      "too much",
      [send("a.png", Buffer.concat([SHOT, Buffer.alloc(JOB_IMAGE_LIMIT_BYTES)]))],
      { field: "images.0.data", expected: expect.stringContaining("5242880") },
    ],
    ["too many", Array.from({ length: 11 }, () => send("a.png", BUTTON)), { field: "images" }],
    ["a path", [send("../a.png", SHOT)], { field: "images.0.name", value: "../a.png" }],
  ])("%s", async (_, images, details) => {
    const answer = await server.request("POST", "/v1/jobs", { body: { repo, task: "t", images } });
    expect([answer.status, answer.body]).toMatchObject([400, { error: { code: "INVALID_REQUEST", details } }]);
    expect(JSON.stringify(answer.body).length).toBeLessThan(4_000);
  });

  test("more in all than a job may have", async () => {
    const large = Array.from({ length: 4 }, (_, index) => Buffer.concat([SHOT, Buffer.alloc(JOB_IMAGE_LIMIT_BYTES - SHOT.length, index)]));
    const images = [...large, BUTTON].map((bytes, index) => send(`${index}.png`, bytes));
    const answer = await server.request("POST", "/v1/jobs", { body: { repo, task: "t", images } });
    expect(answer.body).toMatchObject({ error: { code: "INVALID_REQUEST", details: { field: "images", expected: "at most 20971520 bytes together" } } });
    expect(await kept(...large)).toEqual([]);
    expect((await server.submit(repo, { images: images.slice(0, 4) })).images).toHaveLength(4);
  });
});

test("a backend that takes none is refused with those that do, and auto takes one that does", async () => {
  const backends = ["anvil", "bellows"].map((name) => {
    const manifest = sampleManifest(name, false);
    return { ...manifest, capabilities: { ...manifest.capabilities, images: name === "bellows" } };
  });
  const capabilities = ["backend:anvil", "backend:bellows", "sandbox:none"];
  const body = { workerId: newId(), name: "forge", slots: 1, verifySlots: 1, capabilities, backends, sandbox: "none" as const, version: "0" };
  await server.client("worker").call("registerWorker", { body });
  const sketch = noisePng(6, 6, "routes");
  const images = [send("sketch.png", sketch)];
  const refused = {
    code: "INVALID_REQUEST",
    details: { field: "images", backend: "anvil", able: ["bellows"], expected: "a backend with the capability images" },
  };
  await expect(server.submit(repo, { backend: "anvil", images })).rejects.toMatchObject(refused);
  await expect(server.submit(repo, { backend: "bellows", fallbacks: ["anvil"], images })).rejects.toMatchObject({ code: "INVALID_REQUEST" });
  expect(await kept(sketch)).toEqual([]);
  const { backend, routing } = await server.submit(repo, { backend: "auto", images });
  expect([backend, routing?.candidates.find(({ backend: name }) => name === "anvil")]).toMatchObject([
    "bellows",
    { taken: false, reason: expect.stringContaining("takes no images") },
  ]);
});

test("images go with their job's artifacts, unless another job has them; then a new try says so", async () => {
  const submitter = server.client("submitter");
  const [shared, own] = [noisePng(8, 8, "shared"), noisePng(8, 8, "own")];
  const [ended, active] = [
    await server.submit(repo, { images: [send("shared.png", shared), send("own.png", own)] }),
    await server.submit(repo, { images: [send("shared.png", shared)] }),
  ];
  await submitter.call("cancelJob", { params: { job: ended.id }, body: {} });
  await server.server.pruner.runOnce();
  expect(await kept(shared, own)).toEqual([shared, own]);
  const { job: again } = await submitter.call("retryJob", { params: { job: ended.id }, body: {} });
  expect(again.images).toEqual(ended.images);
  await submitter.call("cancelJob", { params: { job: again.id }, body: {} });

  await new Pruner(server.server.plane, { retentionMs: 1 }).runOnce();
  expect(await kept(shared, own)).toEqual([shared]);
  const viewer = server.client("viewer");
  expect(Buffer.from(await viewer.jobImage(active.id, 1))).toEqual(shared);
  expect((await viewer.call("getJob", { params: { job: ended.id } })).job.images).toEqual(ended.images);
  await expect(viewer.jobImage(ended.id, 2)).rejects.toMatchObject({ code: "JOB_IMAGE_MISSING", details: { image: "own.png" } });
  await expect(submitter.call("retryJob", { params: { job: ended.id }, body: {} })).rejects.toMatchObject({
    code: "JOB_IMAGE_MISSING",
    details: { image: "own.png" },
  });
});
