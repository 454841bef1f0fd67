import { expect, test } from "vitest";
import type { AnswerInput } from "../../support/model-server/scenario.ts";
import { named, openBench, outcomeOf, TOKEN } from "./bench.ts";

/** Retries with their pauses, and Codex's own start on a busy machine. */
const LIMIT_MS = 20_000;

test.each([
  ["error-400", "MODEL_REFUSED"],
  ["error-401", "BACKEND_AUTH"],
  ["error-402", "BACKEND_QUOTA"],
  ["error-403", "BACKEND_AUTH"],
  ["error-404", "MODEL_REFUSED"],
  ["error-429", "BACKEND_RATE_LIMITED"],
  ["error-500", "MODEL_OVERLOADED"],
  ["error-503", "MODEL_OVERLOADED"],
  ["error-529", "MODEL_OVERLOADED"],
  ["context", "CONTEXT_TOO_LONG"],
  ["quota", "BACKEND_QUOTA"],
  ["cut", "MODEL_UNREACHABLE"],
  ["silence", "MODEL_TIMEOUT"],
])("%s ends the turn with %s", async (name, code) => {
  await using bench = await openBench(named(name));
  const record = await bench.run({ config: { silenceTimeoutSeconds: 1 } });
  expect(outcomeOf(record)).toBe(code);
  expect(record.durationMs).toBeLessThan(LIMIT_MS);
  expect(record.lateCount()).toBe(0);
});

const told = (status: number, code: string): AnswerInput => ({ error: { status, code, message: `${code}: the gateway says why.` } });

test.each([
  [told(402, "BUDGET_EXCEEDED"), "BUDGET_EXCEEDED"],
  [told(422, "BUDGET_EXCEEDED"), "BUDGET_EXCEEDED"],
  [told(400, "MODEL_NOT_ALLOWED"), "MODEL_NOT_ALLOWED"],
  [told(403, "MODEL_NOT_ALLOWED"), "MODEL_NOT_ALLOWED"],
  [told(503, "GATEWAY_UNAVAILABLE"), "GATEWAY_UNAVAILABLE"],
  [told(504, "MODEL_TIMEOUT"), "MODEL_TIMEOUT"],
  [{ error: { status: 429, inStream: true } }, "BACKEND_RATE_LIMITED"],
  [{ error: { status: 402, inStream: true } }, "BACKEND_QUOTA"],
  [{ error: { status: 503, inStream: true } }, "MODEL_OVERLOADED"],
] as const)("what the gateway or the stream says decides: %j is %s", async (answer, code) => {
  await using bench = await openBench({ turns: [{ steps: [answer] }] });
  const { result } = await bench.run();
  expect(result).toMatchObject({ status: "failed", failure: { code } });
});

test("a wrong token is refused, and a gateway that is gone is told of, soon", async () => {
  await using bench = await openBench(named("text"));
  const model = { baseUrl: bench.server.baseUrl, token: TOKEN };
  expect(outcomeOf(await bench.run({ model: { ...model, token: "another" } }))).toBe("BACKEND_AUTH");
  await bench.server[Symbol.asyncDispose]();
  const gone = await bench.run({ model });
  expect(outcomeOf(gone)).toBe("GATEWAY_UNAVAILABLE");
  expect(gone.durationMs).toBeLessThan(LIMIT_MS);
});

test("one failure among answers is overcome", async () => {
  await using bench = await openBench(named("text"));
  let failures = 1;
  bench.server.play((request) => (failures-- > 0 ? { error: { status: 500 } } : named("text")(request)));
  expect(outcomeOf(await bench.run())).toBe("done");
});
