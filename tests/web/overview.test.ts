import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { change } from "../conformance/store/fixtures.ts";
import { TestServer } from "../server/server-harness.ts";
import { violations } from "./axe.ts";
import { TestBrowser } from "./browser.ts";
import { type Fleet, startFleet, tell } from "./fleet.ts";

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

let server: TestServer;
let fleet: Fleet;
let browser: TestBrowser;
beforeAll(async () => {
  server = await TestServer.start({ dayBudget: { usd: 10 } });
  fleet = await startFleet(server);
  browser = await TestBrowser.start();
});
afterAll(async () => {
  await browser?.[Symbol.asyncDispose]();
  await fleet?.[Symbol.asyncDispose]();
  await server?.[Symbol.asyncDispose]();
});

test("answers at a glance, and offers a viewer nothing that would be refused", async () => {
  const { page, complaints } = await browser.open(server, "/", "viewer");
  const tile = async (name: string) =>
    (await page.getByRole("list", { name: "At a glance" }).getByRole("listitem").filter({ hasText: name }).innerText()).split("\n");
  await page.getByText("Live", { exact: true }).waitFor();
  expect(await tile("Need you")).toEqual(["Need you", "2", "see below"]);
  expect(await tile("Running")).toEqual(["Running", "4", "4 of 6 slots"]);
  expect(await tile("Landed today")).toEqual(["Landed today", "2", "2 done in all"]);
  expect(await tile("Failed today")).toEqual(["Failed today", "3", "0 cancelled"]);
  expect(await tile("Spent today")).toEqual(["Spent today", "$4.44", "of $10.00"]);

  const needs = page.getByRole("region", { name: "Needs you" });
  await needs.getByText("slipway retry 6", { exact: true }).first().waitFor();
  await needs.getByText("No connected worker has gpu.").waitFor();
  expect(await page.getByRole("button", { name: /Retry/ }).count()).toBe(0);
  await expect(server.client("viewer").call("retryJob", { params: { job: fleet.numbers.blocked }, body: {} })).rejects.toMatchObject({ code: "FORBIDDEN" });

  const anvil = page.getByRole("region", { name: "Worker anvil" });
  expect(await anvil.innerText()).toMatch(/4 of 6 slots[\s\S]*#9 Mend the login page[\s\S]*ship · codex[\s\S]*turn[\s\S]*43\.3k tokens[\s\S]*\$0\.37/);
  await page.getByRole("region", { name: "Worker tide" }).getByText("its disk is being replaced").waitFor();
  const waiting = await page.getByRole("region", { name: "Waiting" }).innerText();
  expect(waiting).toContain("2 jobs of harbour wait for room in the repository");
  expect(waiting).toContain("It waits for job 9 (running).");
  expect(await page.getByRole("region", { name: "Train of ship, main" }).innerText()).toMatch(
    /#7 Paint the hull[\s\S]*merging[\s\S]*#8 Rename[\s\S]*waits to be let in/,
  );
  expect(complaints).toEqual([]);
});

test("each answer leads to its evidence", async () => {
  const { page } = await browser.open(server, "/", "viewer");
  await page.getByRole("link", { name: "GATES_FAILED" }).click();
  await page.waitForURL(/\/jobs\?state=failed&code=GATES_FAILED&since=today/);
  await page.getByText("2 jobs, and no more.").waitFor();
  await page.goBack();
  await page.getByRole("link", { name: /2 jobs of harbour wait/ }).click();
  await page.getByText("2 jobs, and no more.").waitFor();
  await page.goBack();
  await page.getByRole("link", { name: "anvil" }).click();
  await page.waitForURL(/\/workers#anvil/);
  await page.goBack();
  // The keyboard alone: to the first row, and into it.
  await page.getByRole("heading", { name: "Overview" }).waitFor();
  await page.getByRole("region", { name: "Worker anvil" }).waitFor();
  await page.keyboard.press("j");
  await page.keyboard.press("Enter");
  await page.waitForURL(/\/jobs\/6/);
});

test("is live, and retries what is blocked", async () => {
  const { page, complaints } = await browser.open(server, "/", "submitter");
  await page.getByText("Live", { exact: true }).waitFor();
  const { jobId, fence, number } = await fleet.run({ title: "A job that comes while somebody looks" }, "setup");
  const row = page
    .getByRole("region", { name: "Worker anvil" })
    .getByRole("listitem")
    .filter({ hasText: `#${number} ` });
  await row.getByText("setup").waitFor();
  await server.server.plane.store.appendEvents(jobId, fence, [
    { ordinal: 3, at: Date.now(), event: { kind: "phase", data: { phase: "gates", status: "started" } } },
  ]);
  tell(server, jobId, "events");
  await row.getByText("gates").waitFor();
  await server.server.plane.store.finish(jobId, fence, change);
  tell(server, jobId);
  await page.getByRole("button", { name: "Retry job 6" }).click();
  await page.getByRole("button", { name: "Retry job 6" }).waitFor({ state: "detached" });
  await row.waitFor({ state: "detached" });
  expect((await server.client("viewer").call("getJob", { params: { job: 6 } })).job.state).toBe("queued");
  expect(complaints).toEqual([]);
});

test.each(["light", "dark"] as const)("is accessible in %s", async (theme) => {
  const { page } = await browser.open(server, "/", "admin", { theme });
  await page.getByText("Live", { exact: true }).waitFor();
  await page.getByRole("region", { name: "Worker anvil" }).waitFor();
  expect(await violations(page)).toEqual([]);
});

test.each([
  ["a phone", { width: 390, height: 844 }],
  ["200 %", { zoom: 2 }],
] as const)("fits %s", async (_, options) => {
  const { page } = await browser.open(server, "/", "viewer", options);
  await page.getByRole("region", { name: "Worker anvil" }).waitFor();
  expect(await page.evaluate("document.documentElement.scrollWidth <= innerWidth")).toBe(true);
});

test("an empty installation teaches", async () => {
  await using empty = await TestServer.start();
  const { page, complaints } = await browser.open(empty, "/", "viewer");
  await page.getByText("No worker has registered yet.").waitFor();
  await page.getByText("slipway up").first().waitFor();
  await page.getByText("Nothing waits.").waitFor();
  expect(await violations(page)).toEqual([]);
  expect(complaints).toEqual([]);
});
