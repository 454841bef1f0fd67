import type { Client } from "@slipway/protocol/client";
import type { JobDetail } from "@slipway/protocol/job";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { ended, submitScript } from "../support/jobs.ts";
import { makeRepository, type TestRepository } from "../support/repository.ts";
import { Stack } from "../support/stack.ts";
import { violations } from "./axe.ts";
import { type Board, boardOf } from "./board.ts";
import { TestBrowser } from "./browser.ts";
import { FILES, RED, REPAIRED, WAITS } from "./job-scene.ts";

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

let stack: Stack;
let client: Client;
let board: Board;
let browser: TestBrowser;
let repository: TestRepository;
let repaired: JobDetail;
let red: JobDetail;
beforeAll(async () => {
  [stack, browser, repository] = await Promise.all([Stack.start({ sandbox: "none" }), TestBrowser.start(), makeRepository(FILES)]);
  client = await stack.client();
  board = await boardOf(stack);
  await repository.register(client, "sums");
  repaired = await ended(
    client,
    await submitScript(client, "sums", REPAIRED, { title: "Make the total right", budget: { usd: 1 }, criteria: ["The total is 3"] }),
  );
  red = await ended(client, await submitScript(client, "sums", RED, { title: "Make the total five" }));
});
afterAll(async () => {
  await browser?.[Symbol.asyncDispose]();
  await stack?.[Symbol.asyncDispose]();
  await repository?.[Symbol.asyncDispose]();
});

const TABS = ["overview", "transcript", "log", "gates", "findings", "artifacts", "details"];

test("a job that landed after a repair: every part answers, under an address of its own", async () => {
  expect(repaired.job, JSON.stringify(repaired.job.failure)).toMatchObject({ state: "done" });
  const { page, complaints } = await browser.open(board, `/jobs/${repaired.job.number}`, "viewer");
  await page.getByRole("heading", { name: "Make the total right" }).waitFor();
  await page.getByText("turn 2", { exact: true }).waitFor();
  expect(await page.getByText("$0.08").count()).toBe(1);
  // A viewer is offered nothing that would be refused.
  expect(await page.getByRole("button", { name: "Retry" }).count()).toBe(0);

  await page.keyboard.press("2");
  await page.getByRole("region", { name: "Turn 2 of attempt 1" }).waitFor();
  expect(new URL(page.url()).pathname).toBe(`/jobs/${repaired.job.number}/transcript`);
  await page.getByText("Thought: The check wants three.").click();
  await page.getByText("I begin with two.").waitFor();
  await page.getByText("cat total.txt; echo on stderr").click();
  await page.getByText("It gave:").waitFor();
  await page.getByText('<img src=x onerror="globalThis.hacked=1">').waitFor();
  expect(await page.locator("main img").count()).toBe(0);
  expect(await page.locator('main a[href^="javascript"]').count()).toBe(0);
  expect(await page.evaluate("globalThis.hacked")).toBeUndefined();

  await page.keyboard.press("5");
  const first = page.getByRole("region", { name: "Gates, first run" });
  await first.getByText("exit 1").waitFor();
  await first.getByText("counts against this change").waitFor();
  expect(await page.getByRole("region", { name: "Receipts" }).first().getByText("green").count()).toBe(2);

  await page.keyboard.press("7");
  await page.getByRole("button", { name: "Show gate-sums-0.log" }).click();
  await page.getByText("the total is 2, expected 3").waitFor();
  expect(page.url()).toContain("artifact=gate-sums-0.log");

  await page.goBack();
  await page.goto(`/jobs/${repaired.job.number}/nothing`);
  await page.getByText("A job has no part called nothing.").waitFor();
  expect(complaints).toEqual([]);
});

test("a job that failed says with what, what to do, and shows the gate's output; its work can be accepted", async () => {
  expect(red.job.state).toBe("failed");
  const { page, complaints } = await browser.open(board, `/jobs/${red.job.number}/gates`, "submitter");
  await page.getByText("Failed with GATES_FAILED").waitFor();
  await page.getByText("slipway show").first().waitFor();
  // That of the newest red run is open by itself.
  await page.getByText("the total is 5, expected 3").waitFor();
  await page.getByRole("button", { name: "Accept …" }).click();
  await page.getByText("gate sums", { exact: true }).waitFor();
  await page.getByLabel("Why (may be left empty)").fill("five is fine");
  await page.getByRole("button", { name: "Accept the work" }).click();
  await page.waitForURL(({ pathname }) => pathname !== `/jobs/${red.job.number}/gates`);
  await page.getByText(`lands the work of #${red.job.number}`).waitFor();
  await page.locator("main").getByText("done", { exact: true }).waitFor();
  expect(complaints).toEqual([]);
});

test("what runs is shown while it runs; it can be told something, and cancelled", async () => {
  const id = await submitScript(client, "sums", WAITS, { title: "Wait for a word" });
  const { job } = await client.call("getJob", { params: { job: id } });
  const { page, complaints } = await browser.open(board, `/jobs/${job.number}/log`, "submitter");
  await page.getByText("first line").waitFor();
  await page.getByText("turn 1: its agent works").waitFor();
  expect(await page.getByText("second line").count()).toBe(0);
  await page.getByRole("button", { name: "Explain" }).click();
  await page.getByText("Whose turn it is: worker").waitFor();
  await page.getByRole("button", { name: "Steer …" }).click();
  await page.getByLabel("Message").fill("Go on, <b>please</b>.");
  await page.getByRole("button", { name: "Send" }).click();
  await page.getByText("second line").waitFor();
  await page.keyboard.press("2");
  await page.getByText("Go on, <b>please</b>.").waitFor();
  await page.getByRole("button", { name: "Cancel", exact: true }).click();
  await page.getByLabel("Why, for those who look later").fill("seen enough");
  await page.getByRole("button", { name: "Cancel the job" }).click();
  await page.locator("main").getByText("cancelled", { exact: true }).waitFor();
  await page.getByText("seen enough").waitFor();
  expect(await page.getByRole("button", { name: "Steer …" }).count()).toBe(0);
  expect(complaints).toEqual([]);
});

test("a job that waits says for whom; one that there is not, says so", async () => {
  const id = await submitScript(client, "sums", WAITS, { title: "Later", runAfter: Date.now() + 3_600_000 });
  const { page, complaints } = await browser.open(board, `/jobs/${id}`, "submitter");
  await page.getByText(/^Whose turn it is: /).waitFor();
  await page.getByText("Until ").waitFor();
  await page.getByRole("button", { name: "Cancel", exact: true }).click();
  await page.getByRole("button", { name: "Cancel the job" }).click();
  await page.locator("main").getByText("cancelled", { exact: true }).waitFor();
  expect(complaints).toEqual([]);
  await page.goto("/jobs/999999");
  await page.getByText("There is no job 999999.").waitFor();
});

test.each(["light", "dark"] as const)("every part is accessible, in the %s theme", async (theme) => {
  for (const number of [repaired.job.number, red.job.number]) {
    const { page, complaints } = await browser.open(board, `/jobs/${number}`, "submitter", { theme });
    await page.getByText("turn 2", { exact: true }).waitFor();
    for (const tab of TABS) {
      await page
        .getByRole("navigation", { name: "Parts of the job" })
        .getByRole("link", { name: new RegExp(`^${tab}`, "i") })
        .click();
      await page.locator(`nav a[aria-current=page][href="/jobs/${number}/${tab}"]`).waitFor();
      await page.locator("main [role=status]").filter({ hasText: "Loading" }).waitFor({ state: "detached" });
      expect(await violations(page), `${tab} of job ${number}`).toEqual([]);
    }
    expect(complaints).toEqual([]);
  }
});
