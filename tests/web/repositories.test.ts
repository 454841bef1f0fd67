import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { sha256 } from "../conformance/store/fixtures.ts";
import { TestServer } from "../server/server-harness.ts";
import { git } from "../support/repository.ts";
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

test("the list leads to a repository, which shows its train in order; a viewer changes nothing", async () => {
  const { page, complaints } = await browser.open(server, "/repositories", "viewer");
  await page.getByRole("link", { name: "ship" }).click();
  await page.waitForURL(/\/repositories\/ship$/);
  const train = page.getByRole("region", { name: "Train to main" });
  expect(await train.innerText()).toMatch(/1\s+#7 Paint the hull[\s\S]*merging[\s\S]*–\s+#8 Rename[\s\S]*waits to be let in/);
  await page.getByText("No gate is known to be flaky.").waitFor();
  expect(await page.getByRole("button", { name: /Freeze|Resume|Sync|Clear/ }).count()).toBe(0);
  await expect(server.client("viewer").call("syncRepository", { params: { repo: "ship" }, body: {} })).rejects.toMatchObject({ code: "FORBIDDEN" });
  await expect(server.client("submitter").call("freezeTrain", { params: { repo: "ship" }, body: { target: "main", reason: "no" } })).rejects.toMatchObject({
    code: "FORBIDDEN",
  });
  expect(complaints).toEqual([]);
});

test("a change that is foreseen to conflict with one ahead says why it lets others pass", async () => {
  const { store } = server.server.plane;
  const job = await store.getJob("8");
  if (!job) throw new Error("the fleet has no job 8");
  await store.predictConflicts(job.id, [{ job: 7, target: "main", paths: ["src/hull.ts"] }], null);
  const { page, complaints } = await browser.open(server, "/repositories/ship", "viewer");
  const train = page.getByRole("region", { name: "Train to main" });
  await train.getByText("lets others pass (so far 0), as it is foreseen to conflict with").waitFor();
  await store.predictConflicts(job.id, [], null);
  expect(complaints).toEqual([]);
});

test("an admin freezes a train with a reason, everybody sees it, and it is resumed", async () => {
  const { page, complaints } = await browser.open(server, "/repositories/ship", "admin");
  const { page: other } = await browser.open(server, "/repositories/ship", "submitter");
  await other.getByText("Live", { exact: true }).waitFor();
  await page.getByRole("button", { name: "Freeze main …" }).click();
  const dialog = page.getByRole("dialog");
  // The server says that a reason is missing.
  await dialog.getByRole("button", { name: "Freeze main" }).click();
  await dialog.getByText("INVALID_REQUEST").waitFor();
  await dialog.getByLabel("Why, for everybody who waits").fill("the release is being cut");
  await dialog.getByRole("button", { name: "Freeze main" }).click();
  await other.getByText("Frozen by admin of this machine").waitFor();
  await other.getByText("the release is being cut").waitFor();
  expect(await other.getByRole("button", { name: /Resume/ }).count()).toBe(0);
  await page.getByRole("button", { name: "Resume main …" }).click();
  await dialog.getByRole("button", { name: "Resume main" }).click();
  await other.getByText("Frozen by").waitFor({ state: "detached" });
  expect(complaints.filter((text) => !text.includes("400"))).toEqual([]);
});

test("branches are synced with the repository's address; what was rewritten there waits for an admin", async () => {
  const { page, complaints } = await browser.open(server, "/repositories/ship", "admin");
  await page.getByText("No branches yet.").waitFor();
  const oid = await git(fleet.shipRoot, "rev-parse", "HEAD");
  await page.getByRole("button", { name: "Sync now" }).click();
  await page.getByText("Synced: nothing had moved.").waitFor();
  await server.client("submitter").call("syncBranch", { params: { repo: "ship" }, body: { branch: "main", oid } });
  const main = page.getByRole("region", { name: "Its address" }).getByRole("listitem").filter({ hasText: "main" });
  await main.getByText("the same").waitFor();
  await git(fleet.shipRoot, "commit", "--quiet", "--amend", "--allow-empty", "--message", "Another history");
  await page.getByRole("button", { name: "Sync now" }).click();
  await main.getByText(/needs you/).waitFor();
  const { page: other } = await browser.open(server, "/repositories/ship", "submitter");
  await other.getByText(/needs you/).waitFor();
  expect(await other.getByRole("button", { name: /^Take what/ }).count()).toBe(0);
  await page.getByRole("button", { name: "Take what the address has …" }).click();
  await page.getByRole("dialog").getByText("1 commit of the hub is no longer on it.").waitFor();
  await page.getByRole("dialog").getByRole("button", { name: "Take the address's" }).click();
  await main.getByText("the same").waitFor();
  expect(complaints).toEqual([]);
});

test("flaky gates are shown with what they said, as text, and cleared", async () => {
  const { page, complaints } = await browser.open(server, "/repositories/ship", "submitter");
  const { store } = server.server.plane;
  const { jobId, fence } = await fleet.run({ title: "A job with a gate that comes and goes" });
  await store.recordFlake(jobId, fence, { gate: "test", failureDigest: sha256("flaky"), excerpt: "expected <b>2</b>, was 3" });
  await page.reload();
  const flake = page.getByRole("region", { name: "Flaky gates" }).getByRole("listitem");
  await flake.getByText("What it said").click();
  await flake.getByText("expected <b>2</b>, was 3").waitFor();
  await flake.getByRole("button", { name: /Clear test/ }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Clear it" }).click();
  await page.getByText("No gate is known to be flaky.").waitFor();
  expect((await server.client("viewer").call("listFlakes", { params: { repo: "ship" } })).flakes).toEqual([]);
  expect(complaints).toEqual([]);
});

test("a name that there is not says so", async () => {
  const { page } = await browser.open(server, "/repositories/nowhere", "viewer");
  await page.getByText("There is no repository nowhere.").waitFor();
});

test.each([
  ["/repositories", "light"],
  ["/repositories", "dark"],
  ["/repositories/ship", "light"],
  ["/repositories/ship", "dark"],
] as const)("%s is accessible in %s, and fits a phone", async (path, theme) => {
  const { page } = await browser.open(server, path, "admin", { theme });
  await page.getByText(path === "/repositories" ? "2 repositories" : "Train to main").waitFor();
  await page.getByText("Loading").waitFor({ state: "detached" });
  expect(await violations(page)).toEqual([]);
  await page.setViewportSize({ width: 390, height: 844 });
  expect(await page.evaluate("document.documentElement.scrollWidth <= innerWidth")).toBe(true);
});
