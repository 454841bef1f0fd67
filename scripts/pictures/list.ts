import type { Page } from "playwright-core";
import type { PageOptions } from "../../tests/web/browser.ts";

/** A picture of the documentation. */
export interface Picture extends PageOptions {
  readonly file: string;
  /** Address of the page; `{job}` is the number of the job that was repaired. */
  readonly path: string;
  /** Resolves when the page shows what the picture is of. */
  ready(page: Page): Promise<unknown>;
}

const shows = (text: string | RegExp) => (page: Page) => page.getByText(text).first().waitFor();
const SIZE = { width: 1_280, height: 800 } as const;

export const PICTURES: readonly Picture[] = [
  { file: "overview.png", path: "/", ...SIZE, ready: shows("Translate the messages") },
  { file: "overview-dark.png", path: "/", ...SIZE, theme: "dark", ready: shows("Translate the messages") },
  { file: "jobs.png", path: "/jobs", ...SIZE, ready: shows("Document the library") },
  { file: "job.png", path: "/jobs/{job}", ...SIZE, ready: shows("repair") },
  { file: "transcript.png", path: "/jobs/{job}/transcript", ...SIZE, ready: shows("All tests pass") },
  { file: "log.png", path: "/jobs/{job}/log", ...SIZE, ready: shows("tests") },
  { file: "diff.png", path: "/jobs/{job}/diff", ...SIZE, ready: shows("RangeError") },
  { file: "phone.png", path: "/", width: 390, height: 800, ready: shows("Translate the messages") },
];
