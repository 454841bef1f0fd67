import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Writable } from "node:stream";
import { Client } from "@slipway/protocol/client";
import { type NotificationTarget, notificationSchema, notificationTargetsSchema } from "@slipway/protocol/notifications";
import { newId } from "@slipway/protocol/scalars";
import type { Outcome } from "@slipway/protocol/worker-api";
import type { ServerOptions } from "@slipway/server/server";
import pino from "pino";
import { afterEach, expect, test, vi } from "vitest";
import { TestAuthority } from "../support/authority.ts";
import { makeRepository } from "../support/repository.ts";
import { TestServer } from "./server-harness.ts";
import { Webhook } from "./webhook.ts";

vi.setConfig({ testTimeout: 60_000 });

const owned: AsyncDisposable[] = [];
afterEach(async () => {
  for (const one of owned.splice(0).reverse()) await one[Symbol.asyncDispose]();
});

function own<T extends AsyncDisposable>(one: T): T {
  owned.push(one);
  return one;
}

const TIMES = { pauseMs: 20, giveUpMs: 86_400_000, postMs: 10_000 };

function receiver(more: Partial<NotificationTarget>): NotificationTarget {
  return notificationTargetsSchema.parse([{ name: "team", ...more }])[0] as NotificationTarget;
}

async function serverTelling(receivers: NotificationTarget[], more: Partial<ServerOptions> = {}): Promise<TestServer> {
  return own(await TestServer.start({ notifications: receivers, notificationTimes: TIMES, publicUrl: "https://slipway.example.org/", ...more }));
}

async function end(server: TestServer, outcome: Outcome, repo: string, task = "Do it"): Promise<number> {
  const worker = await server.worker();
  const { number } = await server.submit(repo, { task });
  const claim = await server.claim(worker, { waitMs: 5_000 });
  await server.client("worker").call("finish", { params: { job: claim?.job.id ?? "", fence: claim?.fence ?? 0 }, body: { outcome } });
  return number;
}

const failing = (code: "BACKEND_AUTH" | "NO_CHANGE", message = "m"): Outcome => ({ kind: "failed", failure: { code, message, details: {} } });

test("a job that needs a person is told, with the link of its page; what was not asked for is not", async () => {
  const hook = own(await Webhook.start());
  const server = await serverTelling([receiver({ url: hook.url })]);
  const { view } = await server.repository({ "a.txt": "a\n" }, "ship");
  await end(server, failing("NO_CHANGE"), view.id);
  const number = await end(server, failing("BACKEND_AUTH", "The key is wrong."), view.id, "Mend\n the sum");
  const [hit] = await hook.got(1);
  const told = notificationSchema.parse(hit?.body);
  expect(told).toMatchObject({
    ...{ version: 1, event: "needs-you", repository: "ship", code: "BACKEND_AUTH", url: `https://slipway.example.org/jobs/${number}` },
    text: `Job ${number} needs you: Mend – The key is wrong.`,
    job: { number, state: "blocked", backend: "script", kind: "develop" },
  });
  expect(hit?.headers).toMatchObject({ "x-slipway-delivery": told.delivery, "content-type": "application/json", "user-agent": "slipway" });
  await expect.poll(async () => (await status(server)).sentAt).toEqual(expect.any(Number));
  expect(await status(server)).toMatchObject({ name: "team", waiting: 0, problem: null, givenUp: 0 });
  expect(hook.hits).toHaveLength(1);
});

async function status(server: TestServer) {
  const { receivers } = await server.client("viewer").call("listNotifications", {});
  return receivers[0] as (typeof receivers)[number];
}

test("each receiver is told of its events and repositories alone, a frozen branch too, and landings with their commit", async () => {
  const [one, other] = [own(await Webhook.start()), own(await Webhook.start())];
  const server = await serverTelling([
    receiver({ name: "one", url: one.url, events: ["landed", "failed", "cancelled"], repositories: ["ship"] }),
    receiver({ name: "other", url: other.url }),
  ]);
  const { view, source } = await server.repository({ "a.txt": "a\n" }, "ship");
  const { view: foreign } = await server.repository({ "a.txt": "a\n" }, "boat");
  await server.client("admin").call("freezeTrain", { params: { repo: "boat" }, body: { target: "main", reason: "release day" } });
  await end(server, failing("NO_CHANGE"), foreign.id);
  const failed = await end(server, failing("NO_CHANGE"), view.id);
  const { number: cancelled } = await server.submit(view.id);
  await server.client("submitter").call("cancelJob", { params: { job: String(cancelled) }, body: { reason: "no longer needed" } });
  const worker = await server.worker();
  const { number: landed } = await server.submit(view.id);
  const claim = await server.claim(worker, { waitMs: 5_000 });
  if (!claim) throw new Error("no claim");
  const oid = await server.pushChange(source, claim, { "b.txt": "b\n" });
  const outcome: Outcome = { kind: "change", oid, diffStat: { files: 1, insertions: 1, deletions: 0 } };
  await server.client("worker").call("finish", { params: { job: claim.job.id, fence: claim.fence }, body: { outcome } });
  const integrator = server.client("integrator");
  const { claimed } = await integrator.call("claimCompletion", { body: { claimId: newId(), integratorId: newId(), waitMs: 5_000 } });
  const params = { completion: claimed?.completion.id ?? "", fence: claimed?.fence ?? 0 };
  await integrator.call("verifyCompletion", { params, body: { mergedOid: oid, expectedOld: null } });
  await integrator.call("landCompletion", { params, body: { mergedOid: oid, expectedOld: null } });

  const told = (await one.got(3)).map(({ body }) => notificationSchema.parse(body));
  expect(told.map(({ event, job }) => [event, job?.number])).toEqual([
    ["failed", failed],
    ["cancelled", cancelled],
    ["landed", landed],
  ]);
  expect(told[2]?.job?.landedOid).toBe(oid);
  expect(notificationSchema.parse((await other.got(1))[0]?.body)).toMatchObject({
    ...{ event: "needs-you", job: null, repository: "boat", target: "main", code: "TRAIN_FROZEN", url: "https://slipway.example.org/" },
    text: "main of boat is frozen, and nothing lands there until you resume it: release day",
  });
  expect(other.hits).toHaveLength(1);
});

test("Slack's form: nothing of a job makes a link or calls a person", async () => {
  const hook = own(await Webhook.start());
  const server = await serverTelling([receiver({ url: hook.url, format: "slack" })]);
  const { view } = await server.repository({ "a.txt": "a\n" }, "ship");
  const number = await end(server, failing("BACKEND_AUTH", `<!channel> & ${"x".repeat(400)}`), view.id, "<https://evil.example|click> @here");
  const [hit] = await hook.got(1);
  const { text, blocks }: { text: string; blocks: unknown[] } = JSON.parse(hit?.text ?? "");
  expect(text).toMatch(new RegExp(`^⚠️ <https://slipway\\.example\\.org/jobs/${number}\\|Job ${number}> needs you: &lt;https://evil`));
  expect(text).toContain("&lt;!channel&gt; &amp; xxx");
  expect(text.length).toBeLessThan(900);
  expect(text.match(/<(?!https:\/\/slipway)/)).toBeNull();
  expect(blocks).toEqual([
    { type: "section", text: { type: "mrkdwn", text } },
    { type: "context", elements: [{ type: "mrkdwn", text: expect.stringMatching(/^ship · slipway\/.* · script · BACKEND_AUTH$/) }] },
  ]);
});

test("what does not arrive is sent again under the same id, after the pause that was asked for, and the order stays", async () => {
  const at: number[] = [];
  const hook = own(
    await Webhook.start((_, count) => {
      at.push(performance.now());
      return count === 1 ? { status: 429, headers: { "retry-after": "1" } } : count === 2 ? { status: 503, text: "down for\nmaintenance" } : 200;
    }),
  );
  const server = await serverTelling([receiver({ url: hook.url })]);
  const { view } = await server.repository();
  const first = await end(server, failing("BACKEND_AUTH"), view.id);
  const second = await end(server, failing("BACKEND_AUTH"), view.id);
  const hits = await hook.got(4);
  expect(hits.map(({ body }) => notificationSchema.parse(body).job?.number)).toEqual([first, first, first, second]);
  const ids = hits.map(({ headers }) => headers["x-slipway-delivery"]);
  expect(new Set(ids.slice(0, 3)).size).toBe(1);
  expect(ids[3]).not.toBe(ids[0]);
  expect((at[1] ?? 0) - (at[0] ?? 0)).toBeGreaterThanOrEqual(990);
});

test("a receiver that hangs holds up neither jobs nor other receivers, and is told apart by its time limit", async () => {
  const hung = own(await Webhook.start(() => null));
  const well = own(await Webhook.start());
  const receivers = [receiver({ name: "hung", url: hung.url }), receiver({ name: "well", url: well.url })];
  const server = await serverTelling(receivers, { notificationTimes: { ...TIMES, postMs: 300, pauseMs: 60_000 } });
  const { view } = await server.repository();
  const number = await end(server, failing("BACKEND_AUTH"), view.id);
  await well.got(1);
  const { job } = await server.client("viewer").call("getJob", { params: { job: String(number) } });
  expect(job.state).toBe("blocked");
  await expect.poll(async () => (await status(server)).problem?.message).toBe("hung did not answer within 0.3 s.");
  expect(await status(server)).toMatchObject({ waiting: 1, problem: { code: "NOTIFICATION_FAILED" } });
});

test("after a day it is given up, which the log and the status say; the address that is a secret is nowhere", async () => {
  const lines: string[] = [];
  const stream = new Writable({
    write: (chunk, _, done) => {
      lines.push(String(chunk));
      done();
    },
  });
  const hook = own(await Webhook.start((hit) => ({ status: 404, text: `no_service at ${JSON.stringify(hit.headers.host)}/services/T0/B0/very-secret` })));
  const log = pino({ level: "debug" }, stream);
  const server = await serverTelling([receiver({ secret: "TEAM_URL" })], { log, notificationTimes: { ...TIMES, giveUpMs: 500 } });
  await mkdir(join(server.data, "secrets", "server"), { recursive: true });
  await writeFile(join(server.data, "secrets", "server", "TEAM_URL"), `${hook.url}\n`, { mode: 0o600 });
  const { view } = await server.repository();
  await end(server, failing("BACKEND_AUTH"), view.id);
  await expect.poll(async () => (await status(server)).givenUp, { timeout: 20_000 }).toBe(1);
  expect(await status(server)).toMatchObject({ waiting: 0, problem: { message: "team answered 404." } });
  expect(lines.join("")).toContain("a notification is given up");
  expect(lines.join("")).not.toContain("very-secret");
  expect(hook.hits.length).toBeGreaterThan(1);
});

test("a sample says of each receiver whether it arrived: a missing secret, one that is no address, one that others can read, nobody there", async () => {
  const hook = own(await Webhook.start());
  const names = ["well", "missing", "wrong", "open", "gone"];
  const gone = await Webhook.start();
  const goneUrl = gone.url;
  await gone[Symbol.asyncDispose]();
  const server = await serverTelling(names.map((name) => receiver({ name, ...(name === "gone" ? { url: goneUrl } : { secret: name.toUpperCase() }) })));
  const folder = join(server.data, "secrets", "server");
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, "WELL"), hook.url, { mode: 0o600 });
  await writeFile(join(folder, "WRONG"), "hooks.slack.com/very-secret", { mode: 0o600 });
  await writeFile(join(folder, "OPEN"), hook.url, { mode: 0o644 });
  const { receivers } = await server.client("admin").call("testNotifications", { body: {} });
  expect(receivers.map(({ name, problem }) => [name, problem?.message ?? null])).toEqual([
    ["well", null],
    ["missing", "The address of missing is missing: there is no secret MISSING."],
    ["wrong", "The address of wrong is none: the secret WRONG holds something else than an address that begins with https://."],
    ["open", expect.stringMatching(/^The address of open cannot be used: .* others can read or change it/)],
    ["gone", "gone cannot be reached (ECONNREFUSED)."],
  ]);
  expect(receivers[1]?.problem?.details).toMatchObject({ hint: expect.stringContaining(join(folder, "MISSING")) });
  expect(JSON.stringify(receivers)).not.toContain("very-secret");
  expect(notificationSchema.parse(hook.hits[0]?.body)).toMatchObject({ event: "test", job: null, text: "Slipway can reach this receiver." });
  await expect(server.client("admin").call("testNotifications", { body: { name: "nobody" } })).rejects.toMatchObject({ code: "NOT_FOUND" });
  const { entries } = await server.client("admin").call("listAudit", { query: { action: ["testNotifications"] } });
  expect(entries.map(({ outcome }) => outcome)).toEqual(["NOT_FOUND", "ok"]);
});

test("certificates of the installation are trusted, and others are not", async () => {
  const authority = own(await TestAuthority.make());
  const hook = own(await Webhook.start());
  const url = await authority.inFrontOf(hook.url);
  const server = await serverTelling([receiver({ url })]);
  const { receivers } = await server.client("admin").call("testNotifications", { body: {} });
  expect(receivers[0]?.problem?.message).toMatch(/^team cannot be reached \(.*(SIGNATURE|CERT).*\)\.$/);
  await server.restart({ extraCaCerts: authority.file });
  const { receivers: again } = await server.client("admin").call("testNotifications", { body: {} });
  expect(again[0]?.problem).toBeNull();
  expect(hook.hits).toHaveLength(1);
});

test("what waits outlives the server; what waits for a receiver that is gone from the configuration is given up", async () => {
  let isUp = false;
  const hook = own(await Webhook.start(() => (isUp ? 200 : 500)));
  const receivers = [receiver({ url: hook.url, events: ["failed"] }), receiver({ name: "old", url: "http://127.0.0.1:9/", events: ["failed"] })];
  const server = await serverTelling(receivers, { notificationTimes: { ...TIMES, pauseMs: 3_600_000 } });
  const { view } = await server.repository();
  await end(server, failing("NO_CHANGE"), view.id);
  await hook.got(1);
  await expect.poll(async () => (await status(server)).problem?.message).toBe("team answered 500: ok.");
  isUp = true;
  // Its pause is an hour, and outlives the server too.
  await server.restart({ notifications: receivers.slice(0, 1) });
  expect(await status(server)).toMatchObject({ waiting: 1 });
  expect(hook.hits).toHaveLength(1);
  // A sample that arrives says that the receiver is there again.
  await server.client("admin").call("testNotifications", { body: {} });
  const hits = (await hook.got(3)).map(({ headers }) => headers["x-slipway-delivery"]);
  expect(hits[2]).toBe(hits[0]);
  await server.restart({ notifications: receivers });
  const { receivers: known } = await server.client("viewer").call("listNotifications", {});
  expect(known.map(({ name, waiting, givenUp }) => [name, waiting, givenUp])).toEqual([
    ["team", 0, 0],
    ["old", 0, 1],
  ]);
});

const MAIN = join(import.meta.dirname, "..", "..", "apps", "server", "src", "main.ts");

test("a server that is killed between sending and its mark sends it a second time, under the same id", async () => {
  const data = await mkdtemp(join(tmpdir(), "slipway-notify-"));
  let child: ChildProcess | undefined;
  try {
    const hook = own(
      await Webhook.start(async (_, count) => {
        if (count > 1) return 200;
        // It has it; the answer never comes.
        child?.kill("SIGKILL");
        return null;
      }),
    );
    const start = async (): Promise<string> => {
      const flags = ["--data", data, "--notifications", JSON.stringify([receiver({ url: hook.url, events: ["cancelled"] })])];
      child = fork(MAIN, flags, { execArgv: ["--disable-sigusr1"], stdio: ["ignore", "ignore", "ignore", "ipc"] });
      const [message] = (await once(child, "message")) as [{ url: string }];
      return message.url;
    };
    const url = await start();
    const client = new Client({ url, token: (await readFile(join(data, "tokens", "admin.token"), "utf8")).trim() });
    const source = own(await makeRepository({ "a.txt": "a\n" }));
    const view = await source.register(client, "ship");
    const { job } = await client.call("submitJob", { body: { repo: view.id, task: "Do it" } });
    const exit = once(child as ChildProcess, "exit");
    await client.call("cancelJob", { params: { job: job.id }, body: {} }).catch(() => undefined); // it may be killed before its answer
    await hook.got(1);
    await exit;
    await start();
    const [first, second] = await hook.got(2);
    // The server listens elsewhere now; all else is the same.
    const told = [first, second].map((hit) => ({ ...notificationSchema.parse(hit?.body), url: "" }));
    expect(told[0]).toEqual(told[1]);
    expect(second?.headers["x-slipway-delivery"]).toBe(first?.headers["x-slipway-delivery"]);
  } finally {
    if (child && child.exitCode === null && child.signalCode === null) {
      const exit = once(child, "exit");
      child.kill("SIGKILL");
      await exit;
    }
    await rm(data, { recursive: true, force: true });
  }
});

test("addresses that are passwords are refused in the configuration, and so are two receivers of one name", () => {
  const problems = (targets: unknown) => notificationTargetsSchema.safeParse(targets).error?.issues.map(({ path, message }) => [path.join("."), message]);
  expect(problems([{ name: "a", url: "https://hooks.slack.com/services/T/B/x" }])).toEqual([
    ["0.url", "expected `secret` in its place: whoever knows such an address can write there"],
  ]);
  expect(problems([{ name: "a", url: "https://u:p@example.org/" }])).toEqual([["0.url", "expected an address without a user and password in it"]]);
  expect(problems([{ name: "a", url: "ftp://example.org/" }])).toEqual([["0.url", "expected an address that begins with https://"]]);
  expect(problems([{ name: "a" }])).toEqual([["0", "expected either `secret` or `url`"]]);
  const same = { name: "a", url: "https://example.org/" };
  expect(problems([same, same])).toEqual([["", "expected each `name` once"]]);
});
