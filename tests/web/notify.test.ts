import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import type { Outcome } from "@slipway/protocol/worker-api";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { TestServer } from "../server/server-harness.ts";
import { type OpenedPage, TestBrowser } from "./browser.ts";

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

let server: TestServer;
let browser: TestBrowser;
let worker: string;
let repo: string;
beforeAll(async () => {
  server = await TestServer.start();
  browser = await TestBrowser.start();
  worker = await server.worker();
  repo = (await server.repository({ "a.txt": "a\n" }, "ship")).view.id;
});
afterAll(async () => {
  await browser?.[Symbol.asyncDispose]();
  await server?.[Symbol.asyncDispose]();
});

/** Keeps what the page shows; the notifications are the browser's own all the same. */
const KEEP = `{
  const Own = window.Notification;
  window.shown = [];
  window.Notification = class extends Own {
    constructor(title, options) {
      super(title, options);
      window.shown.push({ title, body: options.body, tag: options.tag, click: () => this.onclick(new Event("click")) });
    }
  };
}`;

async function opened(allowed: boolean): Promise<OpenedPage> {
  const page = await browser.open(server, "/workers", "submitter");
  if (allowed) await page.context.grantPermissions(["notifications"], { origin: server.url });
  await page.context.addInitScript(KEEP);
  await page.page.reload();
  await page.page.getByText("Live", { exact: true }).waitFor();
  return page;
}

async function end({ page }: OpenedPage, code: "BACKEND_AUTH" | "NO_CHANGE"): Promise<number> {
  const task = `Mend the sum by ${code}`;
  // The page has to have seen that there is such a job.
  const seen = page.waitForResponse(async (response) => response.url().includes("state=queued") && (await response.text()).includes(task));
  const { number } = await server.submit(repo, { task });
  const claim = await server.claim(worker, { waitMs: 5_000 });
  const outcome: Outcome = { kind: "failed", failure: { code, message: `It is ${code}.`, details: {} } };
  await seen;
  await server.client("worker").call("finish", { params: { job: claim?.job.id ?? "", fence: claim?.fence ?? 0 }, body: { outcome } });
  return number;
}

test("the desktop tells of what was chosen alone, and opens the job; the choice stays in this browser", async () => {
  const open = await opened(true);
  const { page, complaints } = open;
  await page.getByRole("button", { name: "Desktop notifications: off" }).click();
  await page.getByRole("checkbox", { name: "A job needs you" }).click();
  await page.getByRole("checkbox", { name: "A job needs you", checked: true }).waitFor();
  await page.keyboard.press("Escape");
  await page.getByRole("button", { name: "Desktop notifications: on" }).waitFor();
  await end(open, "NO_CHANGE");
  const number = await end(open, "BACKEND_AUTH");
  await expect.poll(async () => await page.evaluate("window.shown.length"), { timeout: 20_000 }).toBe(1);
  expect(await page.evaluate("window.shown.map(({ title, body }) => [title, body])")).toEqual([
    [`Job ${number} needs you`, "Mend the sum by BACKEND_AUTH\nIt is BACKEND_AUTH."],
  ]);
  await page.evaluate("window.shown[0].click()");
  await page.waitForURL(`**/jobs/${number}`);
  await page.reload();
  await page.getByRole("button", { name: "Desktop notifications: on" }).waitFor();
  expect(complaints).toEqual([]);
});

test("nothing is asked before somebody chooses, and a browser that refuses is told of", async () => {
  const { page, complaints } = await opened(false);
  await page.evaluate("window.asked = 0; window.Notification.requestPermission = async () => { window.asked += 1; return 'denied'; }");
  await page.getByRole("button", { name: "Desktop notifications: off" }).click();
  expect(await page.evaluate("window.asked")).toBe(0);
  await page.getByRole("checkbox", { name: "A job failed" }).click();
  await page.getByText("Allow notifications for this page in the browser").waitFor();
  await page.evaluate(readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8"));
  const { violations } = await page.evaluate<{ violations: Array<{ id: string }> }>("axe.run('[role=dialog]')");
  expect(violations.map(({ id }) => id)).toEqual([]);
  expect(await page.getByRole("checkbox", { name: "A job failed", checked: true }).count()).toBe(0);
  expect(complaints).toEqual([]);
});
