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
  server = await TestServer.start();
  fleet = await startFleet(server);
  browser = await TestBrowser.start();
});
afterAll(async () => {
  await browser?.[Symbol.asyncDispose]();
  await fleet?.[Symbol.asyncDispose]();
  await server?.[Symbol.asyncDispose]();
});

const workerNamed = async (name: string) => (await server.client("viewer").call("listWorkers", {})).workers.find((worker) => worker.name === name);

test("workers show what they run, how they are and what is missing; a viewer can do nothing with them", async () => {
  const { page, complaints } = await browser.open(server, "/workers#anvil", "viewer");
  const anvil = page.getByRole("region", { name: /^anvil/ });
  expect(await anvil.innerText()).toMatch(
    /connected[\s\S]*cannot be started ahead[\s\S]*4 running, 6 slots and 2 to verify[\s\S]*#9[\s\S]*0\.169\.0[\s\S]*claude is not on PATH/,
  );
  await anvil.getByText("slipway backends install claude-code").waitFor();
  await page.getByRole("region", { name: /^tide/ }).getByText("its disk is being replaced").waitFor();
  await page
    .getByRole("region", { name: /^forge/ })
    .getByText("away")
    .waitFor();
  expect(await page.getByRole("button", { name: /Cordon|Uncordon|Drain/ }).count()).toBe(0);
  for (const name of ["cordonWorker", "uncordonWorker", "drainWorker"] as const) {
    await expect(server.client("submitter").call(name, { params: { worker: fleet.workers.anvil }, body: {} })).rejects.toMatchObject({ code: "FORBIDDEN" });
  }
  expect(complaints).toEqual([]);
});

test("an admin cordons with a reason, takes it back, and drains; others see it at once", async () => {
  const { page, complaints } = await browser.open(server, "/workers", "admin");
  const { page: other } = await browser.open(server, "/workers", "viewer");
  await other.getByText("Live", { exact: true }).waitFor();
  await page.getByRole("button", { name: "Cordon anvil" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByText("It goes on with the 4 jobs that it runs.").waitFor();
  await dialog.getByLabel("Why, for everybody who waits").fill("a new kernel");
  await dialog.getByRole("button", { name: "Cordon anvil" }).click();
  await other
    .getByRole("region", { name: /^anvil/ })
    .getByText("a new kernel")
    .waitFor();
  expect(await workerNamed("anvil")).toMatchObject({ cordon: { by: "admin of this machine", reason: "a new kernel" }, running: [{}, {}, {}, {}] });
  await page.getByRole("button", { name: "Uncordon anvil" }).click();
  await page.getByRole("button", { name: "Cordon anvil" }).waitFor();
  expect(await workerNamed("anvil")).toMatchObject({ cordon: null });
  await page.getByRole("button", { name: "Drain tide" }).click();
  await dialog.getByText("It runs nothing now.").waitFor();
  await dialog.getByRole("button", { name: "Drain tide" }).click();
  await other.getByRole("region", { name: /^tide/ }).getByText("Draining: it finishes what it has, and ends.").waitFor();
  expect(complaints).toEqual([]);
});

test("backends tell where they are installed, how their jobs went and what they took; an open circuit is closed by a button", async () => {
  const { store } = server.server.plane;
  const { page, complaints } = await browser.open(server, "/backends", "submitter");
  const codex = page.getByRole("region", { name: /^codex/ });
  expect(await codex.innerText()).toMatch(
    /ready[\s\S]*@openai\/codex@0\.169\.0[\s\S]*tested with 0\.169\.x[\s\S]*8 jobs, 8 attempts, 346k tokens, \$2\.96[\s\S]*50 % of 8 attempts went well/,
  );
  for (let fault = 0; fault < 3; fault += 1) {
    const { jobId, fence } = await fleet.run({ title: `A backend that is down, ${fault}`, maxAttempts: 1 });
    await store.finish(jobId, fence, { kind: "failed", failure: { code: "BACKEND_FAILED", message: "nobody answers", details: {} } });
  }
  await server.server.plane.circuits.look();
  server.server.plane.changes.topic("circuits");
  await codex.getByText("circuit open").waitFor();
  const { page: viewer } = await browser.open(server, "/backends", "viewer");
  await viewer.getByText("slipway backends reset codex").waitFor();
  expect(await viewer.getByRole("button", { name: /jobs again/ }).count()).toBe(0);
  await page.getByRole("button", { name: "Give codex jobs again" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Give it jobs" }).click();
  await codex.getByText("circuit open").waitFor({ state: "detached" });
  expect((await server.client("viewer").call("listCircuits", {})).circuits).toEqual([]);
  expect(complaints).toEqual([]);
});

test.each([
  ["/workers", "light"],
  ["/workers", "dark"],
  ["/backends", "light"],
  ["/backends", "dark"],
] as const)("%s is accessible in %s, and fits a phone", async (path, theme) => {
  const { page } = await browser.open(server, path, "admin", { theme });
  await page.getByRole("region", { name: path === "/workers" ? /^anvil/ : /^codex/ }).waitFor();
  expect(await violations(page)).toEqual([]);
  await page.setViewportSize({ width: 390, height: 844 });
  expect(await page.evaluate("document.documentElement.scrollWidth <= innerWidth")).toBe(true);
});
