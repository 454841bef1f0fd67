import { expect, test } from "vitest";
import { answerText, isUsable, keyText, type ProviderCheck, remedyOf } from "./provider-text.ts";

const FILE = "/data/secrets/gateway/OPENAI_API_KEY";
const found: ProviderCheck = {
  provider: "openai",
  baseUrl: "https://api.openai.com/v1",
  keyName: "OPENAI_API_KEY",
  keyFrom: FILE,
  keyFile: FILE,
  answer: { ok: true, found: "answers" },
};
const told = (provider: ProviderCheck) => [isUsable(provider), keyText(provider), answerText(provider)];

test("a provider is of use where its key is there, or none is needed, and it answers", () => {
  expect(told(found)).toEqual([true, `OPENAI_API_KEY from ${FILE}`, "answers"]);
  expect(told({ ...found, keyFrom: "environment" })).toEqual([true, "OPENAI_API_KEY from the environment", "answers"]);
  expect(told({ ...found, keyName: null, keyFrom: null, keyFile: null })).toEqual([true, "none needed", "answers"]);
});

test("a missing key: how to give it; one that the vendor refuses: how to replace it", () => {
  const missing = { ...found, keyFrom: null, answer: null };
  expect(told(missing)).toEqual([false, "no OPENAI_API_KEY", "not asked"]);
  expect(remedyOf(missing)).toContain(`cat >${FILE}`);
  const refused = { ...found, answer: { ok: false, found: "401: Incorrect API key provided." } };
  expect(isUsable(refused)).toBe(false);
  expect(remedyOf(refused)).toContain(`cat >${FILE}`);
  expect(remedyOf({ ...refused, keyFrom: "environment" })).toMatch(/OPENAI_API_KEY.*slipway up/);
});

test("a key that the gateway does not take is no missing one", () => {
  const unfit = { ...found, keyFrom: null, answer: { ok: false, found: "expected a file that its owner alone may read; found mode 0644. Run chmod 600." } };
  expect(told(unfit).slice(0, 2)).toEqual([false, "OPENAI_API_KEY unfit"]);
  expect(remedyOf(unfit)).toContain(FILE);
  expect(remedyOf(unfit)).not.toContain("cat");
});

test("a vendor out of reach: the address is named", () => {
  const silent = { ...found, answer: { ok: false, found: "cannot be reached: connect ECONNREFUSED" } };
  expect(isUsable(silent)).toBe(false);
  expect(remedyOf(silent)).toContain("https://api.openai.com/v1");
});
