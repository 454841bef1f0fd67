import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { TestServer } from "../server/server-harness.ts";
import { noisePng } from "../support/png.ts";
import { violations } from "./axe.ts";
import { TestBrowser } from "./browser.ts";

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

const CONFIG = `
backend: script
setup: {commands: [npm ci]}
gates:
  - {name: lint, run: npm run lint}
  - {name: test, run: npm test -- --coverage, needs: [lint], paths: ["src/**"]}
critic: {critics: [{name: careful, model: {provider: lab, name: big}}]}
budget: {usd: 3}
`;

let server: TestServer;
let browser: TestBrowser;
beforeAll(async () => {
  server = await TestServer.start();
  await server.repository({ ".slipway.yaml": CONFIG, "a.txt": "a\n" }, "ship");
  await server.repository({ "b.txt": "b\n" }, "boat");
  browser = await TestBrowser.start();
});
afterAll(async () => {
  await browser?.[Symbol.asyncDispose]();
  await server?.[Symbol.asyncDispose]();
});

test("a task is shown for what it would come to, and Ctrl+Enter submits it", async () => {
  const { page, complaints } = await browser.open(server, "/new", "submitter");
  await page.getByText("With a repository and a task, this shows").waitFor();
  await page.getByLabel("Repository").selectOption("ship");
  await page.getByLabel("Task", { exact: true }).fill("Mend the sum\n\nIt takes where it should add.");
  await page.getByLabel("Criteria").fill("sum adds\nThere is a test");
  const preview = page.getByRole("region", { name: "Preview" });
  await preview.getByText("npm test -- --coverage").waitFor();
  for (const text of ["npm ci", "2 gates", "$3.00", "careful (model lab/big)", "slipway/mend-the-sum-…"]) await preview.getByText(text).first().waitFor();
  await preview.getByText("2. There is a test").waitFor();
  await page.getByLabel("Budget in US dollars").fill("1.5");
  await preview.getByText("$1.50").waitFor();
  expect((await server.client("viewer").call("listJobs", {})).jobs).toEqual([]);
  await page.keyboard.press("Control+Enter");
  await page.waitForURL("**/jobs/1");
  const { job } = await server.client("viewer").call("getJob", { params: { job: "1" } });
  expect(job).toMatchObject({
    title: "Mend the sum",
    criteria: ["sum adds", "There is a test"],
    budget: { usd: 1.5 },
    backend: "script",
    repo: { name: "ship" },
  });
  await page.goto("/new");
  expect(await page.getByLabel("Task", { exact: true }).inputValue()).toBe("");
  expect(complaints).toEqual([]);
});

test("what is written is kept until it is sent or thrown away, and what is missing is said where it is missing", async () => {
  const { page } = await browser.open(server, "/new", "submitter");
  await page.getByRole("button", { name: "Submit the job" }).click();
  await page.getByText("Choose the repository that it works on.").waitFor();
  await page.getByLabel("Repository").selectOption("boat");
  await page.getByText("Say what the agent should do.").waitFor();
  await page.getByLabel("Task", { exact: true }).fill("Half a thought");
  await page.reload();
  expect(await page.getByLabel("Task", { exact: true }).inputValue()).toBe("Half a thought");
  await page.getByRole("button", { name: "Start anew" }).click();
  await page.reload();
  expect(await page.getByLabel("Task", { exact: true }).inputValue()).toBe("");
});

test("what the server refuses is said at the field that it names", async () => {
  const { page } = await browser.open(server, "/new?repo=boat&task=Mend&kind=fix&backend=script", "submitter");
  await page.getByText(/expected a failing test or a log/).waitFor();
  expect(await page.getByLabel("Failing test").getAttribute("aria-invalid")).toBe("true");
  await page.getByLabel("Failing test").fill("sums > adds");
  // The repository has no gate by which a fix could be told.
  await page.getByText(/expected a repository with gates/).waitFor();
  await page.getByLabel("Kind").selectOption("develop");
  await page.getByLabel("Base").fill("nowhere");
  await page.getByText('There is no branch or commit "nowhere"').waitFor();
  expect(await page.getByLabel("Base").getAttribute("aria-invalid")).toBe("true");
  await page.getByLabel("Base").fill("");
  await page.getByLabel("Result").selectOption("pr");
  await expect.poll(() => page.getByLabel("Result").getAttribute("aria-invalid")).toBe("true");
  await page.getByLabel("Result").selectOption("");
  await page.getByText("More: title, images").click();
  await page.getByLabel("Settings of the backend").fill("{");
  await page.getByText(/^Expected JSON/).waitFor();
  await page.getByLabel("Settings of the backend").fill("");
  await page.getByLabel("Backend", { exact: true }).selectOption("auto");
  await page.getByText("No worker has told yet which backends it has").waitFor();
  expect(await page.getByLabel("Backend", { exact: true }).getAttribute("aria-invalid")).toBe("true");
});

test("images go with the task, and one that is too large is said to be", async () => {
  const { page, complaints } = await browser.open(server, "/new?repo=ship&task=Draw+it&backend=script", "submitter");
  await page.getByText("More: title, images").click();
  await page.getByLabel("Images").setInputFiles([
    { name: "shot.png", mimeType: "image/png", buffer: noisePng(8, 8, "shot") },
    { name: "huge.png", mimeType: "image/png", buffer: Buffer.alloc(6_000_000) },
  ]);
  await page.getByText("huge.png has 5.7 MiB; at most 5.0 MiB are taken.").waitFor();
  await page.getByRole("button", { name: "Take shot.png away" }).waitFor();
  await page.getByRole("button", { name: "Submit the job" }).click();
  await page.waitForURL(/\/jobs\/\d+$/);
  const { job } = await server.client("viewer").call("getJob", { params: { job: page.url().split("/").at(-1) ?? "" } });
  expect(job.images).toMatchObject([{ name: "shot.png", type: "image/png" }]);
  expect(complaints).toEqual([]);
});

test("another job can be submitted again with changes", async () => {
  const other = await server.submit("ship", {
    task: "Paint it\n\nRed.",
    title: "Paint",
    target: "main",
    criteria: ["It is red"],
    allowChecks: ["tests"],
    budget: { usd: 2 },
    maxAttempts: 2,
  });
  const { page } = await browser.open(server, `/new?from=${other.number}`, "submitter");
  await page.getByRole("heading", { name: `Job ${other.number} again, with changes` }).waitFor();
  expect(await page.getByLabel("Task", { exact: true }).inputValue()).toBe("Paint it\n\nRed.");
  expect(await page.getByLabel("Target").inputValue()).toBe("main");
  await page.getByLabel("Task", { exact: true }).fill("Paint it blue");
  await page.getByRole("region", { name: "Preview" }).getByText("Paint it blue").waitFor();
  await page.getByRole("button", { name: "Submit the job" }).click();
  await page.waitForURL(`**/jobs/${other.number + 1}`);
  const { job } = await server.client("viewer").call("getJob", { params: { job: String(other.number + 1) } });
  expect(job).toMatchObject({
    task: "Paint it blue",
    title: "Paint",
    target: "main",
    criteria: ["It is red"],
    allowChecks: ["tests"],
    budget: { usd: 2 },
    maxAttempts: 2,
  });
});

test("a viewer is told what a submitter needs", async () => {
  const { page } = await browser.open(server, "/new", "viewer");
  await page.getByText("You may look, and not submit jobs.").waitFor();
});

describe.each(["light", "dark"] as const)("in %s", (theme) => {
  test.each([
    ["a wide screen", { width: 1_280 }],
    ["a phone", { width: 390 }],
    ["200 %", { width: 1_280, zoom: 2 }],
  ])("nothing is against WCAG AA on %s, and nothing is wider than it", async (_, options) => {
    const { page, complaints } = await browser.open(server, "/new?repo=ship&task=Mend+the+sum&title=Sum&usd=x", "submitter", { theme, ...options });
    await page.getByText("Expected a number, found x.").waitFor();
    await page.getByLabel("Budget in US dollars").fill("2");
    await page.getByText("npm test -- --coverage").waitFor();
    await page.getByText("As it would be now").waitFor();
    expect(await violations(page)).toEqual([]);
    expect(await page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")).toBeLessThanOrEqual(0);
    expect(complaints).toEqual([]);
  });
});
