import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { costOf, highestCost, outputLimit, priceOf } from "../../apps/gateway/src/prices.ts";
import { planRequest } from "../../apps/gateway/src/request/plan-request.ts";

const MODEL = "gpt-6.1-sol";
const REQUEST_BYTES = 60_000;

/** A request of exactly so many bytes. */
function request(): Buffer {
  const start = `{"model":"${MODEL}","input":"`;
  return Buffer.from(`${start}${"a".repeat(REQUEST_BYTES - start.length - 2)}"}`);
}

test("the numbers of the page on budgets are those that the gateway reserves and charges", async () => {
  const page = await readFile(join(import.meta.dirname, "../../docs/guides/budgets.md"), "utf8");
  const dollars = (value: number | null): string => `$${Number((value ?? Number.NaN).toFixed(6))}`;
  const provider = {
    protocol: "openai",
    baseUrl: "http://x/v1",
    key: null,
    models: ["*"],
    hostedTools: [],
    moreKeys: [],
    headersTimeoutSeconds: 1,
    silenceTimeoutSeconds: 1,
  } as const;
  const plan = planRequest("responses", request(), { ...provider, models: ["*"], hostedTools: [], moreKeys: [] });
  expect(plan).toMatchObject({ inputTokens: 30_000, outputLimit: null });

  const listed = priceOf(MODEL, {});
  const output = outputLimit(listed);
  expect(page).toContain(`| ${output.toLocaleString("en-US")} | ${dollars(highestCost(listed, { input: 0, output }, undefined))} |`);
  expect(page).toContain(`| 30,000 | ${dollars(highestCost(listed, { input: 30_000, output: 0 }, undefined))} |`);
  expect(page).toContain(`**${dollars(highestCost(listed, { input: 30_000, output }, undefined))}**`);
  const counted = { inputTokens: 15_000, cachedInputTokens: 12_000, cacheWriteTokens: 0, outputTokens: 500, reasoningTokens: 0 };
  expect(page).toContain(`**${dollars(costOf(listed, counted, undefined))}**`);

  const own = { input: 2, cachedInput: 0.1, output: 10, maxOutputTokens: 8_000 };
  expect(page).toContain(`${MODEL}: { input: ${own.input}, cachedInput: ${own.cachedInput}, output: ${own.output}, maxOutputTokens: ${own.maxOutputTokens} }`);
  const price = priceOf(MODEL, { [MODEL]: own });
  expect(highestCost(price, { input: 30_000, output: outputLimit(price) }, undefined)).toBeCloseTo(0.14, 9);
  expect(page).toContain("$0.06 and $0.08, together $0.14");
});
