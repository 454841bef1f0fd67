import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { TestServer } from "../server/server-harness.ts";
import { violations } from "./axe.ts";
import { TestBrowser } from "./browser.ts";
import { type Fleet, startFleet } from "./fleet.ts";

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

let server: TestServer;
let fleet: Fleet;
let browser: TestBrowser;
beforeAll(async () => {
  server = await TestServer.start({ dayBudget: { usd: 12.5 }, origins: [{ key: "server.dayBudget.usd", from: "/srv/slipway.yaml:4" }] });
  fleet = await startFleet(server);
  browser = await TestBrowser.start();
});
afterAll(async () => {
  await browser?.[Symbol.asyncDispose]();
  await fleet?.[Symbol.asyncDispose]();
  await server?.[Symbol.asyncDispose]();
});

test("a token is made, shown once, good, and revoked", async () => {
  const { page, complaints } = await browser.open(server, "/settings", "admin");
  await page.getByRole("button", { name: "New token …" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("Name").fill("ci of ship");
  await dialog.getByLabel("Role").selectOption("submitter");
  await dialog.getByLabel("Good").selectOption("30");
  await dialog.getByRole("button", { name: "Make the token" }).click();
  await dialog.getByText("Copy it now: it is not shown again.").waitFor();
  const token = await dialog.locator("code").innerText();
  expect((await server.request("GET", "/v1/whoami", { role: null, headers: { authorization: `Bearer ${token}` } })).body).toEqual({
    name: "ci of ship",
    role: "submitter",
  });
  await dialog.getByRole("button", { name: "I have it" }).click();
  const row = page.getByRole("row").filter({ hasText: "ci of ship" });
  await row.waitFor();
  expect(await page.content()).not.toContain(token);
  await row.getByRole("button", { name: "Revoke ci of ship" }).click();
  await dialog.getByRole("button", { name: "Revoke ci of ship" }).click();
  await row.waitFor({ state: "detached" });
  expect((await server.request("GET", "/v1/whoami", { role: null, headers: { authorization: `Bearer ${token}` } })).status).toBe(401);
  expect(complaints).toEqual([]);
});

test("what the server runs with says where each value came from", async () => {
  const { page } = await browser.open(server, "/settings", "admin");
  const row = page.getByRole("row").filter({ hasText: "server.dayBudget.usd" });
  expect((await row.innerText()).split("\t")).toEqual(["server.dayBudget.usd", "12.5", "/srv/slipway.yaml:4"]);
  expect(await page.getByRole("row").filter({ hasText: "server.retentionDays" }).innerText()).toMatch(/30\s+default/);
});

test("others see this browser alone, and the server keeps the rest to itself", async () => {
  const { page, complaints } = await browser.open(server, "/settings", "viewer");
  await page.getByText("viewer (viewer)").waitFor();
  expect(await page.getByText("Tokens").count()).toBe(0);
  for (const name of ["listTokens", "showConfig", "listAudit"] as const)
    await expect(server.client("submitter").call(name, {})).rejects.toMatchObject({ code: "FORBIDDEN" });
  await page.getByLabel("Theme of this browser").selectOption("dark");
  expect(await page.evaluate("document.documentElement.dataset.theme")).toBe("dark");
  await page.goto("/audit");
  await page.getByText("The audit log is for admins.").waitFor();
  expect(complaints).toEqual([]);
});

test("the audit log filters by the address, pages, and leads to what was changed", async () => {
  for (let times = 0; times < 30; times += 1) {
    await server.client("admin").call("cordonWorker", { params: { worker: fleet.workers.anvil }, body: {} });
    await server.client("admin").call("uncordonWorker", { params: { worker: fleet.workers.anvil }, body: {} });
  }
  await server.client("submitter").call("cancelJob", { params: { job: fleet.numbers.waiting }, body: {} });
  const { page, complaints } = await browser.open(server, "/audit", "admin");
  await page.getByText("50 rows so far").waitFor();
  await page.getByRole("button", { name: "Older rows" }).click();
  await expect.poll(() => page.getByRole("row").count()).toBeGreaterThan(60);
  await page.getByLabel("Who").fill("submitter");
  await page.keyboard.press("Enter");
  await page.getByLabel("Action").selectOption("cancelJob");
  await page.getByText("1 row", { exact: true }).waitFor();
  expect(new URL(page.url()).search).toBe("?who=submitter&action=cancelJob");
  expect(await page.getByRole("row").nth(1).innerText()).toMatch(/submitter[\s\S]*cancelJob[\s\S]*#13[\s\S]*ok/);
  await page.getByRole("link", { name: "#13" }).click();
  await page.waitForURL(/\/jobs\/13$/);
  await page.goto("/audit?action=cordonWorker");
  await page.getByText("31 rows", { exact: true }).waitFor();
  expect(complaints).toEqual([]);
});

test.each([
  ["/settings", "light"],
  ["/settings", "dark"],
  ["/audit", "light"],
  ["/audit", "dark"],
] as const)("%s is accessible in %s, and fits a phone", async (path, theme) => {
  const { page } = await browser.open(server, path, "admin", { theme });
  await page.getByRole("row").nth(3).waitFor();
  await page.getByText("Loading").waitFor({ state: "detached" });
  expect(await violations(page)).toEqual([]);
  await page.setViewportSize({ width: 390, height: 844 });
  expect(await page.evaluate("document.documentElement.scrollWidth <= innerWidth")).toBe(true);
});
