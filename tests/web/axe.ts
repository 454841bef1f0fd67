import axe from "axe-core";
import type { Page } from "playwright-core";

/** What axe finds on the page as it stands, by WCAG and its best practices: one line each, none where all is well. */
export async function axeFindings(page: Page): Promise<string[]> {
  // The page's policy lets no script tag in; the debugger may.
  await page.evaluate(axe.source);
  return await page.evaluate<string[]>(`axe.run().then(({ violations }) =>
    violations.flatMap(({ id, help, nodes }) => nodes.map(({ html, failureSummary }) => id + ": " + help + " – " + html.slice(0, 200) + " – " + failureSummary)))`);
}
