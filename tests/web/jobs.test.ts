import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { newJob } from "../conformance/store/fixtures.ts";
import { TestServer } from "../server/server-harness.ts";
import { violations } from "./axe.ts";
import { TestBrowser } from "./browser.ts";
import { type Fleet, startFleet, tell } from "./fleet.ts";

vi.setConfig({ testTimeout: 90_000, hookTimeout: 90_000 });

let server: TestServer;
let fleet: Fleet;
let browser: TestBrowser;
beforeAll(async () => {
  server = await TestServer.start();
  fleet = await startFleet(server);
  browser = await TestBrowser.start();
});
afterAll(async () => {
  await browser?.[Symbol.asyncDispose]();
  await fleet?.[Symbol.asyncDispose]();
  await server?.[Symbol.asyncDispose]();
});

const list = (page: Page) => page.getByRole("list", { name: "Jobs, newest first" });
const rowOf = (page: Page, number: number) =>
  list(page)
    .getByRole("listitem")
    .filter({ hasText: new RegExp(`#${number} `) });
const focused = (page: Page) => page.evaluate<string>("document.activeElement.textContent");

describe("the list of jobs", () => {
  test("has its filters in the address, which can be sent to somebody", async () => {
    const { page, complaints } = await browser.open(server, "/jobs", "viewer");
    await page.getByText("17 jobs, and no more.").waitFor();
    await page.getByRole("button", { name: "failed" }).click();
    await page.getByText("3 jobs, and no more.").waitFor();
    await page.keyboard.press("/");
    await page.keyboard.type("charts");
    await page.getByText("1 job, and no more.").waitFor();
    expect(new URL(page.url()).search).toBe("?state=failed&q=charts");
    const { page: sent } = await browser.open(server, `/jobs${new URL(page.url()).search}&code=GATES_FAILED`, "viewer");
    await sent.getByText("1 job, and no more.").waitFor();
    expect(await rowOf(sent, 4).innerText()).toContain("GATES_FAILED");
    expect(await sent.getByLabel("Failure code").inputValue()).toBe("GATES_FAILED");
    await sent.getByLabel("Search in titles").fill("#6");
    await sent.getByText("No such jobs.").waitFor();
    await sent.getByRole("button", { name: "Clear all filters" }).click();
    await sent.getByText("17 jobs, and no more.").waitFor();
    await sent.getByLabel("Repository").selectOption("harbour");
    await sent.getByText("4 jobs, and no more.").waitFor();
    await sent.goBack();
    await sent.getByText("17 jobs, and no more.").waitFor();
    expect(complaints).toEqual([]);
  });

  test("says what is wrong with a filter that somebody typed", async () => {
    const { page } = await browser.open(server, "/jobs?code=NO_SUCH_CODE", "viewer");
    await page.getByRole("alert").getByText("INVALID_REQUEST", { exact: true }).waitFor();
  });

  test("offers a viewer nothing that would be refused, and the server refuses it all the same", async () => {
    const { page } = await browser.open(server, "/jobs", "viewer");
    await page.getByText("17 jobs, and no more.").waitFor();
    expect(await page.getByRole("checkbox").count()).toBe(0);
    await page.keyboard.press("j");
    await page.keyboard.press("x");
    expect(await page.getByText("selected").count()).toBe(0);
    await expect(server.client("viewer").call("cancelJob", { params: { job: fleet.numbers.waiting }, body: {} })).rejects.toMatchObject({ code: "FORBIDDEN" });
  });

  test("keeps rows true in their place, and only announces what is new", async () => {
    const { page, complaints } = await browser.open(server, "/jobs", "viewer");
    await page.getByText("17 jobs, and no more.").waitFor();
    await page.getByText("Live", { exact: true }).waitFor();
    const top = await list(page).getByRole("listitem").first().innerText();
    await server.client("submitter").call("cancelJob", { params: { job: fleet.numbers.waiting }, body: {} });
    await rowOf(page, fleet.numbers.waiting).getByText("cancelled").waitFor();
    for (const title of ["A new one", "Another new one"]) {
      const { jobId } = await fleet.run({ title });
      tell(server, jobId);
    }
    await page.getByRole("button", { name: "2 new jobs: show" }).waitFor();
    expect(await list(page).getByRole("listitem").first().innerText()).toContain(top.split("\n")[1] ?? "?");
    await page.getByRole("button", { name: "2 new jobs: show" }).click();
    await page.getByText("19 jobs, and no more.").waitFor();
    expect(await list(page).getByRole("listitem").first().innerText()).toContain("Another new one");
    expect(complaints).toEqual([]);
  });

  test("cancels and retries many with one question, and tells what became of each", async () => {
    const { page, complaints } = await browser.open(server, "/jobs?repo=ship", "submitter");
    await rowOf(page, 16).waitFor();
    await rowOf(page, 17).getByRole("checkbox").check();
    await rowOf(page, 15)
      .getByRole("checkbox")
      .click({ modifiers: ["Shift"] });
    await page.getByText("3 jobs selected").waitFor();
    await rowOf(page, 3).getByRole("checkbox").check();
    await page.getByRole("button", { name: "Cancel …" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByText("Cancel 3 jobs?").waitFor();
    await dialog.getByText("1 of the selected jobs is over already and stays as it is.").waitFor();
    // Meanwhile somebody else is quicker with one of them.
    await server.client("admin").call("cancelJob", { params: { job: 16 }, body: {} });
    await dialog.getByText("Cancel 2 jobs?").waitFor();
    await dialog.getByRole("button", { name: "Cancel 2 jobs" }).click();
    await dialog.getByText("2 of 2 cancelled.").waitFor();
    await dialog.getByRole("button", { name: "Close" }).click();
    await rowOf(page, 15).getByText("cancelled").waitFor();
    expect((await server.client("viewer").call("getJob", { params: { job: 17 } })).job.state).toBe("cancelled");

    // One goes on, one is submitted again, and of the third another job does the same already.
    for (const number of [6, 5, 4]) await rowOf(page, number).getByRole("checkbox").check();
    await page.getByRole("button", { name: "Retry …" }).click();
    await dialog.getByText("1 blocked job goes on from where it is.").waitFor();
    await dialog.getByText("2 jobs that are over are submitted again, as new ones, and may cost as much again.").waitFor();
    await dialog.getByRole("button", { name: "Retry 3 jobs" }).click();
    await dialog.getByText("2 of 3 retried, 1 refused.").waitFor();
    const told = async (number: number) =>
      await dialog
        .getByRole("listitem")
        .filter({ hasText: `#${number}` })
        .first()
        .innerText();
    expect(await told(6)).toContain("queued again");
    expect(await told(5)).toMatch(/submitted again\s+as #20/);
    expect(await told(4)).toContain("CONFLICT");
    expect(complaints.filter((text) => !/status of 4/.test(text))).toEqual([]);
  });

  test.each(["light", "dark"] as const)("is accessible in %s", async (theme) => {
    const { page } = await browser.open(server, "/jobs", "admin", { theme });
    await rowOf(page, 6).waitFor();
    await page.getByText("More filters").click();
    await rowOf(page, 3).getByRole("checkbox").check();
    expect(await violations(page)).toEqual([]);
    await page.getByRole("button", { name: "Retry …" }).click();
    await page.getByRole("dialog").getByText("Retry 1 job?").waitFor();
    expect(await violations(page)).toEqual([]);
  });

  test.each([
    ["a phone", { width: 390, height: 844 }],
    ["200 %", { zoom: 2 }],
  ] as const)("fits %s", async (_, options) => {
    const { page } = await browser.open(server, "/jobs", "submitter", options);
    await rowOf(page, 12).waitFor();
    expect(await page.evaluate("document.documentElement.scrollWidth <= innerWidth")).toBe(true);
  });
});

test("10,000 jobs stay smooth: few rows are there, the end is reached, and coming back finds the place", { timeout: 180_000 }, async () => {
  await using many = await TestServer.start();
  const { store } = many.server.plane;
  const repo = await store.createRepository({ id: "0198f2a0-0000-7000-8000-000000000001", name: "fleet", url: null, defaultBranch: "main", maxRunning: 10 });
  for (let batch = 0; batch < 20; batch += 1) {
    await Promise.all(Array.from({ length: 500 }, (_, at) => store.submitJob(newJob(repo.repository.id, { title: `Ship ${batch * 500 + at} of the fleet` }))));
  }
  const { page, complaints } = await browser.open(many, "/jobs", "viewer");
  await rowOf(page, 10_000).waitFor();
  for (const key of ["j", "j", "j", "k"]) await page.keyboard.press(key);
  await expect.poll(() => focused(page)).toMatch(/^#9999 /);
  await page.evaluate(
    "globalThis.longest = 0; new PerformanceObserver((list) => { for (const { duration } of list.getEntries()) longest = Math.max(longest, duration) }).observe({ type: 'longtask' })",
  );
  for (let step = 0; step < 400 && (await page.getByText("10000 jobs, and no more.").count()) === 0; step += 1) {
    await page.mouse.wheel(0, 20_000);
    await page.getByText("Loading more jobs").waitFor({ state: "detached" });
  }
  await page.getByText("10000 jobs, and no more.").waitFor();
  await page.evaluate("scrollTo(0, document.body.scrollHeight)");
  await rowOf(page, 1).waitFor();
  expect(await list(page).getByRole("listitem").count()).toBeLessThan(100);
  expect(await page.evaluate<number>("performance.memory.usedJSHeapSize")).toBeLessThan(150_000_000);
  expect(await page.evaluate<number>("longest")).toBeLessThan(1_000);
  await rowOf(page, 5).getByRole("link").click();
  await page.waitForURL(/\/jobs\/5$/);
  await page.goBack();
  await page.getByText("10000 jobs, and no more.").waitFor();
  await rowOf(page, 5).waitFor();
  expect(complaints).toEqual([]);
});
