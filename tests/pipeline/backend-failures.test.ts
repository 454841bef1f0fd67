import { ERRORS, type ErrorCode } from "@slipway/protocol/errors";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ended, submitScript } from "../support/jobs.ts";
import { makeRepository, type TestRepository } from "../support/repository.ts";
import { Stack } from "../support/stack.ts";

/** Server, worker, runner and the script backend, all real: what a backend says of its failure decides what becomes of the job. */
let stack: Stack;
let repository: TestRepository;
beforeAll(async () => {
  stack = await Stack.start({ sandbox: "none" });
  repository = await makeRepository({ a: "1\n" });
  await repository.register(await stack.client(), "sample");
}, 60_000);
afterAll(async () => {
  await stack?.[Symbol.asyncDispose]();
  await repository?.[Symbol.asyncDispose]();
});

const ENDINGS = { requeue: { state: "failed", tries: 2 }, final: { state: "failed", tries: 1 }, person: { state: "blocked", tries: 1 } } as const;

const CASES: ReadonlyArray<{ said: ErrorCode; code: ErrorCode; retry: keyof typeof ENDINGS }> = [
  { said: "BACKEND_AUTH", code: "BACKEND_AUTH", retry: "person" },
  { said: "BACKEND_QUOTA", code: "BACKEND_QUOTA", retry: "person" },
  { said: "BACKEND_RATE_LIMITED", code: "BACKEND_RATE_LIMITED", retry: "requeue" },
  { said: "BUDGET_EXCEEDED", code: "BUDGET_EXCEEDED", retry: "final" },
  { said: "OUT_OF_MEMORY", code: "OUT_OF_MEMORY", retry: "requeue" },
  // Believed, these would make a job that is tried for ever.
  { said: "WORKER_STOPPED", code: "BACKEND_OUTPUT_INVALID", retry: "requeue" },
  { said: "LEASE_LOST", code: "BACKEND_OUTPUT_INVALID", retry: "requeue" },
];

test.each(CASES)("a backend that says $said ends the job with $code: $retry", async ({ said, code, retry }) => {
  expect(ERRORS[code].retry).toBe(retry);
  const client = await stack.client();
  const message = `It said ${said}.`;
  const job = await submitScript(client, "sample", [[{ fail: { code: said, message, details: { figure: 7 } } }]], { maxAttempts: 2 });
  const detail = await ended(client, job);
  const { state, tries } = ENDINGS[retry];
  expect(detail.job).toMatchObject({ state, attempts: tries, failure: { code, message: expect.stringContaining(message) } });
  expect(detail.attempts.map((attempt) => attempt.failure?.code)).toEqual(Array.from({ length: tries }, () => code));
  if (code === said) expect(detail.job.failure?.details).toMatchObject({ figure: 7, turn: 1 });
});
