import { expect, test } from "vitest";
import { check } from "./check.ts";
import { foldChecks } from "./fold-checks.ts";

const agent = (name: string, remedy = `slipway backends install ${name}`) =>
  check("backends", name, false, { tried: "", found: `no ${name} on PATH`, lost: "", remedy });
const provider = (name: string, key: string) =>
  check("gateway", name, false, { tried: `/data/${key}`, found: `no ${key}`, lost: "", remedy: `cat >/data/${key}` });
const sound = check("backends", "script", true, { tried: "", found: "a shell", lost: "", remedy: "" });

test("agents that are not here are one line, those that are broken in another way stay", () => {
  const broken = agent("broken", "Mend it.");
  const [folded, ...others] = foldChecks([agent("codex"), broken, agent("qwen"), sound]);
  expect(folded).toMatchObject({ name: "agents", ok: false, found: "not on this machine: codex, qwen", remedy: "slipway backends install NAME" });
  expect(others).toEqual([broken, sound]);
});

test("providers without a key are one line, which names the keys and says where one goes", () => {
  const [folded] = foldChecks([provider("openai", "OPENAI_API_KEY"), provider("gemini", "GEMINI_API_KEY")]);
  expect(folded).toMatchObject({
    name: "keys",
    found: "none for openai (OPENAI_API_KEY), gemini (GEMINI_API_KEY)",
    tried: "/data/NAME",
    remedy: "cat >/data/NAME",
  });
});

test("one alone is told in full", () => {
  const alone = [agent("codex"), provider("openai", "OPENAI_API_KEY"), sound];
  expect(foldChecks(alone)).toEqual(alone);
});
