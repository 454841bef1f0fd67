import type { Page } from "playwright-core";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { TestServer } from "../server/server-harness.ts";
import { violations } from "./axe.ts";
import { TestBrowser } from "./browser.ts";
import { LogWriter } from "./log-writer.ts";

vi.setConfig({ testTimeout: 120_000, hookTimeout: 60_000 });

let server: TestServer;
let browser: TestBrowser;
let repo: string;
beforeAll(async () => {
  [server, browser] = await Promise.all([TestServer.start(), TestBrowser.start()]);
  repo = (await server.repository()).view.id;
});
afterAll(async () => {
  await browser?.[Symbol.asyncDispose]();
  await server?.[Symbol.asyncDispose]();
});

const write = async () => await LogWriter.start(server, repo, { maxAttempts: 1 });
const row = (page: Page, number: number) => page.locator(`[data-line="${number}"]`);

/** All lines that a page holds, by its own copy. */
async function copied(page: Page): Promise<string[]> {
  await page.context().grantPermissions(["clipboard-read", "clipboard-write"]);
  await page.getByRole("button", { name: "Copy all lines" }).click();
  await page.getByText("Copied", { exact: true }).waitFor();
  return ((await page.evaluate("navigator.clipboard.readText()")) as string).split("\n");
}

test("100,000 lines are there soon, scroll, are searched, and take little of the page", async () => {
  const writer = await write();
  const line = (number: number): string =>
    number === 77_777
      ? "\x1b[31mError: the needle broke\x1b[0m"
      : `\x1b[32m${String(number).padStart(6)}\x1b[0m some output of a build that says a lot, and then some more`;
  for (let block = 0; block < 10; block += 1) {
    const chunk = (at: number): string => Array.from({ length: 100 }, (_, index) => `${line(block * 10_000 + at * 100 + index + 1)}\n`).join("");
    await writer.log("stdout", ...Array.from({ length: 100 }, (_, at) => chunk(at)));
  }
  await writer.fail();
  // What only has to be loaded once is loaded.
  const { page, complaints } = await browser.open(server, `/jobs/${writer.job.number}/artifacts`, "viewer");
  await page.getByRole("heading", { name: "Artifacts" }).waitFor();
  const began = performance.now();
  await page.goto(`/jobs/${writer.job.number}/log?stream=stdout`);
  await page.getByRole("option", { name: "stdout (100,000 lines)" }).waitFor({ state: "attached" });
  await row(page, 1).waitFor();
  const openedMs = performance.now() - began;
  const log = page.getByRole("region", { name: /^Log of job/ });
  // Through all of it, a frame at a time.
  const frames = (await log.evaluate(
    (node) =>
      new Promise((resolve) => {
        const element = node as unknown as { readonly scrollHeight: number; scrollTop: number };
        const frame = (globalThis as unknown as { requestAnimationFrame(step: (at: number) => void): void }).requestAnimationFrame;
        const times: number[] = [];
        const all = element.scrollHeight;
        const step = (at: number): void => {
          times.push(at);
          element.scrollTop = (all * times.length) / 90;
          if (times.length < 90) frame(step);
          else resolve(times.slice(1).map((time, index) => time - (times[index] ?? 0)));
        };
        frame(step);
      }),
  )) as number[];
  await row(page, 100_000).waitFor();
  expect(await page.locator("[data-line]").count()).toBeLessThan(150);
  const session = await page.context().newCDPSession(page);
  await session.send("HeapProfiler.collectGarbage");
  const { usedSize } = await session.send("Runtime.getHeapUsage");
  const sorted = frames.toSorted((one, other) => one - other);
  const typicalMs = sorted[Math.floor(sorted.length / 2)] ?? 0;
  console.log(
    `opened in ${Math.round(openedMs)} ms, a frame ${typicalMs.toFixed(1)} ms, the slowest ${Math.round(sorted.at(-1) ?? 0)} ms, heap ${Math.round(usedSize / 1e6)} MB`,
  );
  expect(openedMs).toBeLessThan(4_000);
  expect(typicalMs).toBeLessThan(50);
  expect(usedSize).toBeLessThan(60_000_000);

  await page.getByRole("button", { name: "First error" }).click();
  await row(page, 77_777).waitFor();
  await page.keyboard.press("/");
  await page.keyboard.type("MORE");
  await page.getByText(/of 99,999 lines/).waitFor();
  await page.getByLabel("Search in the log").fill("  5000");
  await page.getByText("1 of 1 line").waitFor();
  await row(page, 5_000).waitFor();
  expect(await row(page, 5_000).locator("mark").textContent()).toBe("  5000");
  await page.getByLabel("Search in the log").fill("(nowhere");
  await page.getByText("Not found").waitFor();
  await row(page, 5_000).getByRole("button").click();
  await page.waitForURL(/line=5000/);
  await page.goto(`/jobs/${writer.job.number}/log?stream=stdout&line=98765`);
  await row(page, 98_765).waitFor();
  expect(complaints).toEqual([]);
  // Where each of them takes several rows.
  const phone = await browser.open(server, `/jobs/${writer.job.number}/log?stream=stdout&line=54321`, "viewer", { width: 390, height: 844 });
  await row(phone.page, 54_321).waitFor();
  await phone.page.getByRole("button", { name: "First error" }).click();
  await row(phone.page, 77_777).waitFor();
});

test("nothing in a log runs, hides what is around it, or breaks the page", async () => {
  const writer = await write();
  await writer.log(
    "stdout",
    "<img src=x onerror=\"globalThis.hacked='img'\"><script>globalThis.hacked='script'</script>\n",
    "\x1b]0;title\x07\x1b]8;;javascript:globalThis.hacked=1\x1b\\a link\x1b]8;;\x1b\\ and \x1b[2J\x1b[1;1H\x1b[?1049hmore\n",
    "half a colour \x1b[3",
    "1mred\x1b[0m and \x1b[38;2;1;2;3mdark\x1b[48;5;226mon yellow\n",
    "10 %\r20 %\r",
    "100 %\n",
    "turned \u202earound\u202c\n",
    "nul \0 bell \x07\n",
    Uint8Array.from([0xff, 0xfe, 0x41, 0x0a, 0xf0, 0x9f]),
    Uint8Array.from([0x9a, 0xa2, 0x0a]),
    "{{globalThis.hacked = 1}} &lt;b&gt; <b>bold</b> javascript:alert(1)\n",
  );
  await writer.log("<script>x</script>", "named by its stream\n");
  await writer.log("stderr", ...Array.from({ length: 64 }, (_, index) => `${index % 10}`.repeat(16_384)), "\nbehind it\n");
  await writer.add({ kind: "message", data: { role: "agent", text: `${"> ".repeat(9_000)}deep <script>globalThis.hacked='markdown'</script>` } });
  await writer.add({ kind: "tool-call", data: { callId: "1", name: "<b>tool</b>", input: { command: "<img src=x onerror=globalThis.hacked=2>" } } });
  await writer.add({ kind: "gap", data: { reason: "worker-spool-limit", stream: "stderr", droppedEvents: 3, droppedBytes: 512 } });
  await writer.fail();
  const { page, complaints } = await browser.open(server, `/jobs/${writer.job.number}/log`, "viewer");
  await page.getByText("3 events with 512 bytes are missing").waitFor();
  const lines = await copied(page);
  expect(lines).toContain("<img src=x onerror=\"globalThis.hacked='img'\"><script>globalThis.hacked='script'</script>");
  expect(lines).toContain("a link and more");
  expect(lines).toContain("half a colour red and darkon yellow");
  expect(lines).toContain("100 %");
  expect(lines).toContain("turned ⟨U+202E⟩around⟨U+202C⟩");
  expect(lines).toContain("nul ␀ bell ");
  expect(lines).toContain("��A");
  expect(lines).toContain("🚢");
  const long = lines.find(({ length }) => length === 1_048_576);
  expect(long?.slice(16_380, 16_390)).toBe("0000111111");
  expect(await page.locator("main img, main script, main b").count()).toBe(0);

  await page.getByRole("button", { name: "1,038,576 more characters" }).click();
  await page.getByText("Characters 1 to 20,000 of 1,048,576").waitFor();
  await page.getByRole("button", { name: "Next" }).click();
  await page.getByText("Characters 20,001 to 40,000").waitFor();
  await page.getByRole("button", { name: "Close" }).click();
  await page.getByRole("button", { name: "Wrap" }).click();
  await page.getByText("behind it").waitFor();
  await page.getByLabel("Stream").selectOption("<script>x</script>");
  await page.getByText("named by its stream").waitFor();
  await page.keyboard.press("2");
  await page.getByText("<b>tool</b>").click();
  await page.getByText('"command": "<img src=x onerror=globalThis.hacked=2>"').waitFor();
  expect(await page.evaluate("globalThis.hacked")).toBeUndefined();
  expect(complaints).toEqual([]);
});

test.each(["light", "dark"] as const)("colours of programs can be read, in the %s theme", async (theme) => {
  const writer = await write();
  const colours = Array.from({ length: 256 }, (_, code) => `\x1b[38;5;${code}mfront \x1b[0;48;5;${code}mback \x1b[7mturned\x1b[0m`);
  await writer.log("stdout", `${colours.join("\n")}\n`);
  await writer.fail();
  const { page } = await browser.open(server, `/jobs/${writer.job.number}/log`, "viewer", { theme, height: 6_000 });
  await row(page, 200).waitFor();
  expect(await violations(page)).toEqual([]);
});

test("a page that is cut off in the middle of a log misses no line and shows none twice", async () => {
  const writer = await write();
  const lines = (from: number): string[] => Array.from({ length: 50 }, (_, at) => `${String(from + at).padStart(5, "0")} ${"y".repeat(40)}\n`);
  await writer.log("stdout", ...lines(0));
  const { page } = await browser.open(server, `/jobs/${writer.job.number}/log?stream=stdout`, "viewer");
  await row(page, 50).waitFor();
  const port = Number(new URL(page.url()).port);
  for (let round = 1; round <= 3; round += 1) {
    // A line that is not ended when the page is cut off.
    await writer.log("stdout", "half ");
    await page.getByText("half", { exact: false }).last().waitFor();
    const closed = server.server.close();
    await page.getByText("The job's events do not come any more.").waitFor();
    await closed;
    await server.restart({ port });
    await writer.log("stdout", ...lines(round * 50));
    await page.getByText(`${String(round * 50 + 49).padStart(5, "0")} y`).waitFor();
    expect(await page.getByText("The job's events do not come any more.").count()).toBe(0);
  }
  await writer.fail();
  await page.getByText("Failed with BACKEND_FAILED").waitFor();
  const expected = [0, 1, 2, 3].flatMap((round) => lines(round * 50).map((line, at) => `${round > 0 && at === 0 ? "half " : ""}${line.trimEnd()}`));
  expect(await copied(page)).toEqual(expected);
});

test("a job that says a lot keeps no answer about it from coming, over a slow connection", async () => {
  const writer = await write();
  const { page } = await browser.open(server, `/jobs/${writer.job.number}/log`, "viewer");
  await page.getByRole("heading", { name: writer.job.title }).waitFor();
  const broken: string[] = [];
  page.on("requestfailed", (request) => broken.push(request.url()));
  // Slower than notices come.
  await page.route("**/v1/jobs/*", async (route) => {
    await new Promise((resolve) => setTimeout(resolve, 400));
    await route.continue();
  });
  for (let number = 0; number < 40; number += 1) await writer.log("stdout", `line ${number}\n`);
  await page.getByText("line 39").waitFor();
  expect(broken).toEqual([]);
  await writer.fail();
  await page.getByText("Failed with BACKEND_FAILED").waitFor();
});

test("a log that is larger than what a page holds lets its oldest lines go, and brings them back", async () => {
  const writer = await write();
  const line = (number: number): string => `${number} ${"z".repeat(1_000)}\n`;
  for (let call = 0; call < 80; call += 1) {
    const piece = (at: number): string => Array.from({ length: 16 }, (_, index) => line(call * 512 + at * 16 + index + 1)).join("");
    await writer.log("stdout", ...Array.from({ length: 32 }, (_, at) => piece(at)));
  }
  await writer.fail();
  const { page, complaints } = await browser.open(server, `/jobs/${writer.job.number}/log?stream=stdout`, "viewer");
  await page.getByText("older lines gave way").waitFor();
  await page.getByRole("option", { name: "stdout (40,960 lines)" }).waitFor({ state: "attached" });
  await page.getByRole("button", { name: "Show an earlier part" }).click();
  await page.getByText("An earlier part, from line").waitFor();
  const earlier = page.getByRole("button", { name: "Earlier", exact: true });
  while (await earlier.isEnabled()) {
    await earlier.click();
    await page.locator("[data-line]").first().waitFor();
  }
  await row(page, 1).getByText(/^1 z/).waitFor();
  await page.getByRole("button", { name: "Back to the newest lines" }).click();
  await page.getByText("older lines gave way").waitFor();
  expect(complaints).toEqual([]);
});
