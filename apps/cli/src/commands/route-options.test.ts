import { InvalidArgumentError } from "commander";
import { expect, test } from "vitest";
import { gatherNeeds, parseFallbacks } from "./route-options.ts";

test("needs come with commas and in several options, each once", () => {
  expect(gatherNeeds("images, mcp", ["mcp"])).toEqual(["mcp", "images"]);
});

test.each([
  ["image", 'There is no capability "image"; did you mean images?'],
  ["readonly", 'There is no capability "readonly"; did you mean readOnly?'],
  ["wings", 'There is no capability "wings". Expected one or more of resume, usage,'],
  ["images,", 'There is no capability ""'],
])("--needs %s is told of with what was meant", (text, words) => {
  const asked = (): unknown => gatherNeeds(text);
  expect(asked).toThrow(InvalidArgumentError);
  expect(asked).toThrow(words);
});

test("a fallback is a name, or a name with settings", async () => {
  expect(await parseFallbacks(["codex", "gemini,model=gemini-3-flash, maxSteps=7"])).toEqual([
    "codex",
    { backend: "gemini", config: { model: "gemini-3-flash", maxSteps: 7 } },
  ]);
});

test.each(["", "Codex!", "codex,model", "codex,=x"])("--fallback %j is refused with its form", async (text) => {
  await expect(parseFallbacks([text])).rejects.toMatchObject({ code: "INVALID_REQUEST", details: { field: "fallbacks", value: text } });
});
