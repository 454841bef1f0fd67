import axe from "axe-core";
import type { Page } from "playwright-core";

const RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"];

/** What a page has against WCAG 2.2 AA, one text for each rule with the first places; empty where nothing was found. */
export async function violations(page: Page): Promise<string[]> {
  // As an expression: the page's policy lets in no script of others.
  await page.evaluate(`${axe.source}; undefined`);
  return (await page.evaluate(
    `axe.run(document, { runOnly: ${JSON.stringify(RULES)} }).then(({ violations }) => violations.map(({ id, help, nodes }) =>
      id + ": " + help + "\\n" + nodes.slice(0, 5).map(({ html, failureSummary }) => html.slice(0, 300) + "\\n" + failureSummary).join("\\n")))`,
  )) as string[];
}
