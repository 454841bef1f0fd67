/** Takes the pictures of the documentation in a real browser, of a real server with jobs that really ran: `node scripts/pictures/main.ts`. */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { Client } from "@slipway/protocol/client";
import type { JobView } from "@slipway/protocol/job";
import { makeRepository } from "../../tests/support/repository.ts";
import { Stack } from "../../tests/support/stack.ts";
import { TestBrowser } from "../../tests/web/browser.ts";
import { FILES, JOBS, type PictureJob, REPAIRED } from "./jobs.ts";
import { PICTURES } from "./list.ts";

const FOLDER = join(import.meta.dirname, "../../docs/pictures");

await using stack = await Stack.start({ sandbox: "none", slots: 2 });
const client = await stack.client();
await using source = await makeRepository(FILES);
const repository = await source.register(client, "harbour");
const jobs = new Map<PictureJob, JobView>();
for (const job of JOBS) jobs.set(job, await play(client, repository.id, job));

await mkdir(FOLDER, { recursive: true });
await using browser = await TestBrowser.start();
const { token } = await client.call("createToken", { body: { name: "ada", role: "admin" } });
const number = jobs.get(REPAIRED)?.number ?? 1;
for (const { file, path, ready, ...options } of PICTURES) {
  const { page, context, complaints } = await browser.open(
    { url: stack.url, tokens: { admin: token } },
    path.replace("{job}", String(number)),
    "admin",
    options,
  );
  await page.getByText("Live", { exact: true }).waitFor();
  await ready(page);
  await page.screenshot({ path: join(FOLDER, file) });
  if (complaints.length > 0) throw new Error(`${path} complained: ${complaints.join("\n")}`);
  await context.close();
  process.stdout.write(`${file}\n`);
}

/** Submits a job and waits until it is as the pictures want it. */
async function play(by: Client, repo: string, { title, more, turns, until }: PictureJob): Promise<JobView> {
  const body = { repo, task: title, target: "main", backend: "script", backendConfig: { script: { turns } }, ...more };
  const { job } = await by.call("submitJob", { body: until === "running" || until === "queued" ? { ...body, timeoutMs: 600_000 } : body });
  if (until === "queued") return job;
  for await (const frame of by.follow(job.id)) {
    if (frame.type === "event" && frame.event.kind === "state" && frame.event.data.to === until) break;
    if (frame.type === "end") break;
  }
  const { job: now } = await by.call("getJob", { params: { job: job.id } });
  if (now.state !== until) throw new Error(`${title} should be ${until}, and is ${now.state}: ${now.failure?.message ?? "no failure"}`);
  return now;
}
