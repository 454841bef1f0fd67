import { ERROR_CODES, ERRORS, type ErrorCode, type RetryPolicy } from "@slipway/protocol/errors";
import type { Explanation, JobView } from "@slipway/protocol/job";
import { isFinal, JOB_STATES, type JobState } from "@slipway/protocol/states";
import { afterAll, beforeAll, expect, test } from "vitest";
import { addRepository, completedJob, failed, newJob, submit, take } from "../conformance/store/fixtures.ts";
import { TestServer } from "./server-harness.ts";

/** By the table: whatever code an attempt ends with, its job has an owner, a deadline or none, a reason that names the code, and a next step. */
let server: TestServer;
let repoId: string;
const seen = new Set<JobState>();

beforeAll(async () => {
  server = await TestServer.start();
  repoId = (await addRepository(store())).id;
});
afterAll(async () => await server[Symbol.asyncDispose]());

const store = () => server.server.plane.store;
const codes = (retry: RetryPolicy): ErrorCode[] => ERROR_CODES.filter((code) => ERRORS[code].retry === retry);

async function explained(id: string): Promise<Explanation & { readonly job: JobView }> {
  const params = { params: { job: id } };
  const [explanation, { job }] = await Promise.all([server.client("viewer").call("explainJob", params), server.client("viewer").call("getJob", params)]);
  seen.add(explanation.state);
  for (const text of [explanation.owner, explanation.reason, explanation.unblock]) expect(text).not.toMatch(/^\s*$|undefined|null|NaN|\[object/);
  expect(explanation.deadline === null).toBe(isFinal(explanation.state));
  return { ...explanation, job };
}

/** A job whose only attempt ended with the code. */
async function ended(code: ErrorCode, maxAttempts: number, retryAfterMs?: number): Promise<string> {
  const id = await submit(store(), repoId, { maxAttempts });
  const { jobId, fence } = await take(store(), { kinds: ["task"] });
  expect(jobId).toBe(id);
  await store().finish(id, fence, failed(code, retryAfterMs));
  return id;
}

test.each(codes("person"))("blocked by %s: you, until the server ends it, with the row's hint", async (code) => {
  const { job, ...explanation } = await explained(await ended(code, 3));
  expect(explanation).toMatchObject({ state: "blocked", owner: "you", deadline: job.dueAt, reason: expect.stringContaining(code) });
  for (const step of [ERRORS[code].hint, `slipway retry ${job.number}`, `slipway cancel ${job.number}`]) expect(explanation.unblock).toContain(step);
});

test.each(codes("final"))("ended by %s: nobody, no deadline, with the row's hint", async (code) => {
  const { job, ...explanation } = await explained(await ended(code, 3));
  expect(explanation).toMatchObject({ owner: "nobody", deadline: null, reason: expect.stringContaining(code) });
  expect(explanation.unblock).toContain(`slipway retry ${job.number}`);
  if (explanation.state === "failed") expect(explanation.unblock).toContain(ERRORS[code].hint);
});

test.each(codes("requeue"))("after %s: the clock, until it is tried again; failed, with the hint, after the last attempt", async (code) => {
  const { job, ...waiting } = await explained(await ended(code, 2, 60_000));
  expect(waiting).toMatchObject({ state: "queued", owner: "clock", deadline: job.runAfter, reason: expect.stringContaining(code) });
  const last = await explained(await ended(code, 1, 60_000));
  // A stop of the worker is no fault of the job, nor is a day that others have used up: they count as no attempt.
  if (code === "WORKER_STOPPED" || code === "DAY_BUDGET_EXCEEDED") return expect(last).toMatchObject({ state: "queued", owner: "clock" });
  expect(last).toMatchObject({ state: "failed", owner: "nobody", deadline: null, reason: expect.stringContaining(code) });
  expect(last.unblock).toContain(ERRORS[code].hint);
});

test("every state was explained", async () => {
  const cancelled = await submit(store(), repoId);
  await server.client("admin").call("cancelJob", { params: { job: cancelled }, body: { reason: "not meant" } });
  const { job, ...explanation } = await explained(cancelled);
  expect(explanation).toMatchObject({ state: "cancelled", owner: "nobody", unblock: expect.stringContaining(`slipway retry ${job.number}`) });
  const running = await submit(store(), repoId);
  await take(store(), { kinds: ["task"] });
  expect(await explained(running)).toMatchObject({ state: "running", owner: "worker" });
  const { jobId, completionId, fence } = await completedJob(store(), repoId);
  expect(await explained(jobId)).toMatchObject({ state: "integrating", owner: "integrator" });
  await store().intendLanding(completionId, fence, { target: "main", oldOid: null, newOid: newJob(repoId).baseOid });
  await store().markLanded(completionId, fence);
  expect(await explained(jobId)).toMatchObject({ state: "done", owner: "nobody", reason: expect.stringContaining("landed on main") });
  expect([...seen].toSorted()).toEqual([...JOB_STATES].toSorted());
});
