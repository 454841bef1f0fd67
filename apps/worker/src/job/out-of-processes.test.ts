import { expect, test } from "vitest";
import { commandOutOfProcesses, turnOutOfProcesses } from "./out-of-processes.ts";

const failed = { code: "BACKEND_FAILED", message: "fork: Resource temporarily unavailable" } as const;

test("a turn that failed while processes were refused ends with PROCESS_LIMIT, and its figures", () => {
  expect(turnOutOfProcesses(null, { refused: 3, limit: 60 }, failed)).toMatchObject({
    code: "PROCESS_LIMIT",
    message: "The agent ran out of processes: 3 were not started, because its limit is 60.",
    details: { refused: 3, limit: 60, failure: failed },
  });
  const before = { refused: 3, limit: 60 };
  expect(turnOutOfProcesses(before, before, failed)).toBeUndefined();
  expect(turnOutOfProcesses(before, { refused: 4, limit: 60 }, failed)?.details).toMatchObject({ refused: 1 });
  expect(turnOutOfProcesses(null, { refused: 3, limit: 60 }, { code: "BACKEND_QUOTA", message: "" })).toBeUndefined();
});

test("a command that failed so does too; one that passed does not", () => {
  const processes = { refused: 1, limit: 60 };
  expect(commandOutOfProcesses("The gate sum", { exitCode: 2, processes })?.message).toMatch(/^The gate sum ran out of processes: one was not started/);
  for (const exitCode of [0, null]) expect(commandOutOfProcesses("The gate sum", { exitCode, processes })).toBeUndefined();
  expect(commandOutOfProcesses("The gate sum", { exitCode: 2 })).toBeUndefined();
});
