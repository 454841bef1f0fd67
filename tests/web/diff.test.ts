import type { JobDetail } from "@slipway/protocol/job";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { TestServer } from "../server/server-harness.ts";
import { violations } from "./axe.ts";
import { TestBrowser } from "./browser.ts";
import { FILES, FIRST, jobWithChanges, SAID, SECOND } from "./diff-scene.ts";

vi.setConfig({ testTimeout: 90_000, hookTimeout: 90_000 });

let server: TestServer;
let browser: TestBrowser;
let failed: JobDetail;
let large: JobDetail;
beforeAll(async () => {
  server = await TestServer.start();
  browser = await TestBrowser.start();
  failed = await jobWithChanges(server, FILES, [FIRST, SECOND], { events: SAID, failed: true });
  const script = `mkdir -p many; awk 'BEGIN { for (i = 1; i <= 500; i++) for (j = 1; j <= 100; j++) print "line", i, j > ("many/file-" i ".txt") }'`;
  large = await jobWithChanges(server, { "a.txt": "a\n" }, [script], { failed: true });
});
afterAll(async () => {
  await browser?.[Symbol.asyncDispose]();
  await server?.[Symbol.asyncDispose]();
});

const pathOf = ({ job }: JobDetail, more = ""): string => `/jobs/${job.number}/diff${more}`;

test("files of all kinds stand beside their tree, with what was said of them at their lines", async () => {
  const { page, complaints } = await browser.open(server, pathOf(failed), "viewer");
  await page.getByText("7 files").waitFor();
  const tree = page.getByRole("navigation", { name: "Changed files" });
  for (const name of ["sum.js", "name.js", "gone.js", "run.sh", "guide with blanks.md", "logo.png", "näme.txt"])
    await tree.getByText(name, { exact: true }).waitFor();
  await page.getByText("src/old-name.js →").first().waitFor();
  await page.getByText("mode 100644 → 100755").waitFor();
  await page.getByText("A binary file: nothing of it").waitFor();
  // Of jobs nothing is taken for a page's text.
  await page.getByText("Add numbers, with <script>alert(1)</script> in it.").waitFor();
  expect(await page.locator("b").count()).toBe(0);
  const sum = page.getByRole("region", { name: "src/sum.js" });
  await sum.getByText("The median of an even number").waitFor();
  await page.getByRole("region", { name: "Findings on the whole change" }).getByText("A test would be good. <b>Not bold</b>").waitFor();
  // What was said of the change before is with that one.
  expect(await page.getByText("A merge's marker").count()).toBe(0);
  await page.getByLabel("Filter files").fill("guide");
  await expect.poll(() => page.getByRole("region", { name: "src/sum.js" }).count()).toBe(0);
  await page.getByRole("region", { name: "docs/guide with blanks.md" }).getByText("The line is long.").waitFor();
  expect(complaints).toEqual([]);
});

test("an earlier change, and what became of it, can be chosen, and stay in the address", async () => {
  const { page, complaints } = await browser.open(server, pathOf(failed), "viewer");
  await page.getByLabel("Show").selectOption({ label: "attempt 1, change 1: sent back by conflicts" });
  await page.getByText("<<<<<<< ours").waitFor();
  await page.getByText("A merge's marker is in the file.").waitFor();
  expect(decodeURIComponent(page.url())).toMatch(/change="?1\.1/);
  await page.goto(pathOf(failed, "?since=1.1"));
  await page.getByText("7 files").waitFor();
  const sum = page.getByRole("region", { name: "src/sum.js" });
  await sum.locator(".diff-code-delete", { hasText: "<<<<<<< ours" }).waitFor();
  expect(complaints).toEqual([]);
});

test("a link leads to a line; n, p, j, k and v move through files and lines", async () => {
  const { page } = await browser.open(server, pathOf(failed, "#src/sum.js:5"), "viewer");
  await page.locator(".diff-code-selected", { hasText: "total = total + value" }).waitFor();
  await page.getByRole("button", { name: "Copy the place: src/sum.js:5" }).waitFor();
  await page.goto(pathOf(failed, "#src/sum.js:o5"));
  await page.locator(".diff-code-selected", { hasText: "total = total - value" }).waitFor();
  await page.goto(pathOf(failed));
  await page.getByText("7 files").waitFor();
  const focused = async (): Promise<string> =>
    await page.evaluate("document.activeElement.closest('section').getAttribute('aria-label') + ' ' + document.activeElement.textContent");
  await page.keyboard.press("n");
  const first = await focused();
  await page.keyboard.press("n");
  expect(await focused()).not.toBe(first);
  await page.keyboard.press("p");
  expect(await focused()).toBe(first);
  await page.keyboard.press("v");
  await page.getByText("1 of 7 viewed").waitFor();
  await page.reload();
  await page.getByText("1 of 7 viewed").waitFor();
  await page.keyboard.press("j");
  await page.keyboard.press("j");
  const line = await page.evaluate("document.activeElement.getAttribute('aria-label')");
  expect(line).toMatch(/line \d+/);
  await page.keyboard.press("Enter");
  await expect.poll(() => page.url()).toMatch(/#.+:o?\d+$/);
});

test("comments on lines and files are kept, sent to a job that goes on from the change, and are the agent's task", async () => {
  const { page, complaints } = await browser.open(server, pathOf(failed), "submitter");
  const sum = page.getByRole("region", { name: "src/sum.js" });
  await sum.getByRole("button", { name: "added line 14" }).click();
  await sum.getByRole("button", { name: "added line 15" }).click({ modifiers: ["Shift"] });
  await page.keyboard.press("c");
  await page.getByLabel("Comment on lines 14 to 15").fill("Say what it does with none");
  await page.keyboard.press("Control+Enter");
  await sum.getByText("Say what it does with none").waitFor();
  const guide = page.getByRole("region", { name: "docs/guide with blanks.md" });
  await guide.getByRole("button", { name: "Comment on docs/guide with blanks.md" }).click();
  await page.getByLabel("Comment on the whole file").fill("Shorter");
  await page.getByRole("button", { name: "Keep as a draft" }).click();
  await page.reload();
  await page.getByText("2 comments, kept in this browser until you send them.").waitFor();
  await page.getByRole("button", { name: "Send to the agent …" }).click();
  const dialog = page.getByRole("dialog", { name: `Revise job ${failed.job.number}` });
  await dialog.getByText("The change did not land. A new job begins with this work").waitFor();
  await dialog.getByLabel("What you ask of all of it").fill("Nearly there");
  await dialog.getByRole("button", { name: "Send to the agent" }).click();
  await page.getByText("goes on from this change, with your comments.").waitFor();
  const number = await page.getByRole("status").getByRole("link").textContent();
  const { job } = await server.client("viewer").call("getJob", { params: { job: number ?? "" } });
  expect(job).toMatchObject({ continues: { number: failed.job.number, work: { oid: failed.job.resultOid } } });
  for (const text of ["Nearly there", "`src/sum.js`, lines 14 to 15", "14 | export function median", "Say what it does with none", "Shorter"])
    expect(job.task).toContain(text);
  await page.reload();
  await page.getByText("No comments yet.").waitFor();
  expect(complaints).toEqual([]);
});

test("a viewer reads and is not asked to write", async () => {
  const { page } = await browser.open(server, pathOf(failed, "#src/sum.js:5"), "viewer");
  await page.getByRole("button", { name: "Copy the place: src/sum.js:5" }).waitFor();
  expect(await page.getByText("Send to the agent").count()).toBe(0);
  expect(await page.getByRole("button", { name: /^Comment on/ }).count()).toBe(0);
});

describe.each(["light", "dark"] as const)("in %s", (theme) => {
  test.each([
    ["a wide screen", { width: 1_280 }],
    ["a phone", { width: 390 }],
    ["200 %", { width: 1_280, zoom: 2 }],
  ])("nothing is against WCAG AA on %s, and nothing is wider than it", async (_, options) => {
    const { page } = await browser.open(server, pathOf(failed, "#src/sum.js:5"), "submitter", { theme, ...options });
    await page.locator(".diff-code-selected").first().waitFor();
    await page.keyboard.press("c");
    await page.getByLabel("Comment on line 5").waitFor();
    expect(await violations(page)).toEqual([]);
    expect(await page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")).toBeLessThanOrEqual(0);
  });
});

test("500 files and 50,000 lines: what is far away is not drawn, and a link to the last file arrives", async () => {
  const { page, complaints } = await browser.open(server, pathOf(large), "viewer");
  await page.getByText("500 files").waitFor();
  await page.getByRole("region", { name: "many/file-1.txt", exact: true }).getByText("line 1 50", { exact: true }).waitFor();
  const rows = async (): Promise<number> => await page.evaluate("document.querySelectorAll('.diff-line').length");
  expect(await rows()).toBeLessThan(3_000);
  for (let step = 0; step < 40; step += 1) await page.mouse.wheel(0, 20_000);
  await page.keyboard.press("End");
  await page.getByRole("region", { name: "many/file-99.txt", exact: true }).getByText("line 99 100", { exact: true }).waitFor();
  expect(await rows()).toBeLessThan(3_000);
  await page.goto(pathOf(large, "#many/file-400.txt:77"));
  await page.reload();
  await page.locator(".diff-code-selected", { hasText: "line 400 77" }).waitFor();
  const top = async (): Promise<number> => await page.evaluate("document.querySelector('.diff-code-selected')?.getBoundingClientRect().top ?? -1");
  await expect.poll(top).toBeGreaterThan(0);
  expect(await top()).toBeLessThan(900);
  expect(complaints).toEqual([]);
});
