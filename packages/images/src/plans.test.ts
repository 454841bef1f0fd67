import { expect, test } from "vitest";
import { imageOfBackend, imagePlans } from "./plans.ts";

const script = { name: "script", image: { npm: [], apt: [] } };
const codex = { name: "codex", image: { npm: ["@openai/codex@0.169.0"], apt: [] } };
const miniswe = { name: "miniswe", image: { npm: [], apt: ["python3", "git-lfs"] } };

test("a base, an image for each backend that needs more, one with all of them, the daemons'; the base comes first", () => {
  expect(imagePlans([script, miniswe, codex])).toEqual([
    { name: "base", kind: "base", backends: ["script"], npm: [], apt: [] },
    { name: "codex", kind: "backend", backends: ["codex", "script"], npm: ["@openai/codex@0.169.0"], apt: [] },
    { name: "miniswe", kind: "backend", backends: ["miniswe", "script"], npm: [], apt: ["git-lfs", "python3"] },
    { name: "all", kind: "backend", backends: ["codex", "miniswe", "script"], npm: ["@openai/codex@0.169.0"], apt: ["git-lfs", "python3"] },
    { name: "stack", kind: "stack", backends: [], npm: [], apt: [] },
  ]);
  expect([script, codex].map(imageOfBackend)).toEqual(["base", "codex"]);
});

test.each(["a; curl example.org | sh", "$(id)", "-g", "a b", '"'])("what is no package gets into no Dockerfile: %s", (text) => {
  expect(() => imagePlans([{ name: "evil", image: { npm: [text], apt: [] } }])).toThrow("image.npm");
  expect(() => imagePlans([{ name: "evil", image: { npm: [], apt: [text] } }])).toThrow("image.apt");
});

test("a backend cannot take the name of one of ours", () => {
  expect(() => imagePlans([{ ...codex, name: "all" }])).toThrow("one of Slipway's own has this name");
});
