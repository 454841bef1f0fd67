import { stat } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { anchorsOf, linksOf, type Page, readPage } from "./markdown.ts";

/** What is wrong with the links of a page that lead to files and headings, as `path:line: …`. Links to the web are not tried. */
export async function brokenLinks(page: Page): Promise<string[]> {
  const problems = linksOf(page).map(async ({ target, line }) => {
    const problem = await problemOf(page, target);
    return problem === undefined ? [] : [`${page.path}:${line}: ${target}: ${problem}`];
  });
  return (await Promise.all(problems)).flat();
}

async function problemOf(page: Page, target: string): Promise<string | undefined> {
  if (/^[a-z][a-z0-9+.-]*:/i.test(target)) return undefined;
  const [path = "", anchor] = target.split("#");
  if (path === "") return missingAnchor(page, anchor);
  const file = resolve(dirname(page.path), decodeURIComponent(path));
  const found = await stat(file).catch(() => undefined);
  if (!found) return "there is no such file";
  if (anchor === undefined) return undefined;
  return file.endsWith(".md") ? missingAnchor(await readPage(file), anchor) : "only pages have headings";
}

function missingAnchor(page: Page, anchor = ""): string | undefined {
  const anchors = anchorsOf(page);
  return anchors.has(anchor) ? undefined : `no heading has this name; there are ${[...anchors].join(", ")}`;
}
