import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import type { Page } from "playwright-core";

const SOURCE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** What axe finds on the page as it stands, by WCAG 2.2 AA and its best practices: one line each, none where all is well. */
export async function axeFindings(page: Page): Promise<string[]> {
  // The page's policy lets no script tag in; the debugger may.
  await page.evaluate(SOURCE);
  return await page.evaluate<string[]>(`axe.run().then(({ violations }) =>
    violations.flatMap(({ id, help, nodes }) => nodes.map(({ html, failureSummary }) => id + ": " + help + " – " + html.slice(0, 200) + " – " + failureSummary)))`);
}
