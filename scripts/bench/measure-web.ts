import { access, glob, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { SlipwayError } from "@slipway/protocol/errors";
import type { Page } from "playwright-core";
import { TestServer } from "../../tests/server/server-harness.ts";
import { TestBrowser } from "../../tests/web/browser.ts";
import { type Figure, figure } from "./figures.ts";

const DIST = join(import.meta.dirname, "../../apps/web/dist");
/** Submissions under way at the same time. */
const AT_ONCE = 16;

/**
 * The dashboard in a real browser, with a server that has 10,000 jobs: what a first visit loads, compressed, and from the navigation until the page shows
 * what it is about. NOT_FOUND where the dashboard is not built.
 */
export async function measureWeb(quick: boolean): Promise<Figure[]> {
  await access(join(DIST, "index.html")).catch(() => {
    throw new SlipwayError("NOT_FOUND", "The dashboard is not built.", { hint: "npm run build" });
  });
  const jobs = quick ? 1_000 : 10_000;
  await using server = await TestServer.start();
  const { view, source } = await server.repository();
  const base = await source.head();
  const client = server.client("submitter");
  let next = 0;
  const submit = async (): Promise<void> => {
    while (next < jobs) {
      next += 1;
      await client.call("submitJob", { body: { repo: view.id, base, task: `Task ${next} of the bench, with a title of usual length` } });
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, submit));
  await using browser = await TestBrowser.start();
  const loaded = new Set<string>();
  const overview: number[] = [];
  const list: number[] = [];
  for (let round = 0; round <= (quick ? 2 : 10); round += 1) {
    const { page, context } = await browser.open(server, "/sign-in", "viewer");
    if (round === 0) page.on("response", (response) => loaded.add(new URL(response.url()).pathname));
    const [first, second] = [await shownMs(page, "/", "Overview"), await shownMs(page, "/jobs", "Jobs")];
    // The first only fills the caches of files.
    if (round > 0) {
      overview.push(first);
      list.push(second);
    }
    await context.close();
  }
  const files = [...loaded].filter((path) => path.startsWith("/assets/"));
  return [
    figure("web: a first visit of overview and job list, gzip", "KiB", [await kibOf(files)], undefined, `${files.length} files`),
    figure("  all pages, gzip", "KiB", [await kibOf(await allAssets())]),
    figure(`  navigation → overview shown, ${jobs.toLocaleString("en")} jobs`, "ms", overview),
    figure(`  navigation → job list shown, ${jobs.toLocaleString("en")} jobs`, "ms", list),
  ];
}

/** A whole load of the page: until its heading is there and nothing loads any more. */
async function shownMs(page: Page, path: string, heading: string): Promise<number> {
  const startedAtMs = performance.now();
  await page.goto(path, { waitUntil: "commit" });
  await page.getByRole("heading", { name: heading, exact: true }).waitFor();
  // A function that the page would evaluate is refused by its policy.
  const loading = page.getByText(/^Loading /);
  while ((await loading.count()) > 0) await loading.first().waitFor({ state: "detached" });
  return performance.now() - startedAtMs;
}

async function allAssets(): Promise<string[]> {
  const paths: string[] = [];
  for await (const name of glob("assets/*", { cwd: DIST })) if ((await stat(join(DIST, name))).isFile()) paths.push(`/${name}`);
  return paths;
}

async function kibOf(paths: readonly string[]): Promise<number> {
  let bytes = 0;
  for (const path of paths) bytes += gzipSync(await readFile(join(DIST, path))).byteLength;
  return bytes / 1_024;
}
