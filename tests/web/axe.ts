import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import type { Page } from "playwright-core";

const SOURCE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** What a page has against WCAG 2.2 AA, one text for each rule with the first places; empty where nothing was found. */
export async function violations(page: Page): Promise<string[]> {
  // As an expression: the page's policy lets in no script of others.
  await page.evaluate(`${SOURCE}; undefined`);
  const tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"];
  return (await page.evaluate(
    `axe.run(document, { runOnly: ${JSON.stringify(tags)} }).then(({ violations }) => violations.map(({ id, help, nodes }) =>
      id + ": " + help + "\\n" + nodes.slice(0, 5).map(({ html, failureSummary }) => html.slice(0, 300) + "\\n" + failureSummary).join("\\n")))`,
  )) as string[];
}
