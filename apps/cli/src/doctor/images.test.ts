import { expect, test } from "vitest";
import { checkWorkerImages } from "./images.ts";

const agent = { ok: true, found: "Codex 0.169.0" };
const codex = { backend: "codex", image: "slipway/codex:0.1.0", imageId: "sha256:1", agent };
const script = { backend: "script", image: "slipway/all:0.1.0", imageId: "sha256:2", agent: null };

test("each backend with its image and its agent; workers without images say nothing", () => {
  const workers = [
    { name: "a", images: [codex, script], warnings: [] },
    { name: "b", images: [], warnings: [] },
  ];
  expect(checkWorkerImages(workers)).toMatchObject([
    { name: "images", ok: true, found: "a: codex in slipway/codex:0.1.0 (Codex 0.169.0), script in slipway/all:0.1.0" },
  ]);
  expect(checkWorkerImages(workers.slice(1))).toEqual([]);
});

test("an agent that is missing, and what a worker warns of, are told and stop nothing", () => {
  const images = [{ ...codex, image: "slipway/base:0.1.0", agent: { ok: false, found: "no codex on PATH" } }];
  expect(checkWorkerImages([{ name: "a", images, warnings: ["codex could not be warmed up: \u001b[31mno"] }])).toMatchObject([
    { name: "images", ok: false, required: false, found: "a: codex in slipway/base:0.1.0 (no codex on PATH)", remedy: "slipway images build" },
    { name: "warnings", ok: false, required: false, found: expect.not.stringContaining("\u001b") },
  ]);
});
