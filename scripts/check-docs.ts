/**
 * Holds the pages to the truth. Without arguments: every relative link and anchor leads somewhere, and every `slipway COMMAND --option` that a page names is
 * there. With `--run`: every block marked `sh runnable` is run, page by page, and must end with 0; with paths, those pages only.
 */
import { glob } from "node:fs/promises";
import { join, relative } from "node:path";
import { parseArgs } from "node:util";
import { slipwayProgram } from "../apps/cli/src/program.ts";
import { unknownCommands } from "./docs/command-mentions.ts";
import { brokenLinks } from "./docs/links.ts";
import { type Page, readPage } from "./docs/markdown.ts";
import { runnableBlocks, runPage } from "./docs/runnable.ts";

const PAGE_LIMIT_MS = 120_000;
const root = join(import.meta.dirname, "..");

async function pages(): Promise<Page[]> {
  const paths: string[] = [];
  const exclude = (path: string): boolean => path === "node_modules" || path.endsWith("/node_modules");
  for await (const path of glob("**/*.md", { cwd: root, exclude })) paths.push(path);
  return await Promise.all(paths.toSorted().map((path) => readPage(join(root, path))));
}

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({ options: { run: { type: "boolean", default: false } }, allowPositionals: true });
  const all = await pages();
  const chosen = positionals.length === 0 ? all : all.filter(({ path }) => positionals.includes(relative(process.cwd(), path)));
  const problems = values.run ? await run(chosen) : await check(chosen);
  for (const problem of problems) console.error(problem.replaceAll(`${root}/`, ""));
  if (problems.length > 0) process.exitCode = 1;
}

async function check(chosen: readonly Page[]): Promise<string[]> {
  const program = slipwayProgram();
  const found = await Promise.all(chosen.map(async (page) => [...(await brokenLinks(page)), ...unknownCommands(program, page)]));
  return found.flat();
}

/** All pages at once: each waits for servers and agents most of its time. */
async function run(chosen: readonly Page[]): Promise<string[]> {
  const found = await Promise.all(
    chosen.map(async (page) => {
      const count = runnableBlocks(page).length;
      if (count === 0) return [];
      const startedAt = Date.now();
      const problems = await runPage(page, { slipway: join(root, "scripts", "slipway"), limitMs: PAGE_LIMIT_MS });
      console.log(`${relative(root, page.path)}: ${count} blocks, ${problems.length === 0 ? "as told" : "not as told"}, ${Date.now() - startedAt} ms`);
      return problems;
    }),
  );
  return found.flat();
}

await main();
