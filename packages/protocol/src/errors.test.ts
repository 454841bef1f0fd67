import { expect, test } from "vitest";
import { ERRORS, type ErrorRow, isErrorCode, SlipwayError, toSlipwayError } from "./errors.ts";

test("every row speaks in sentences and says what to do", () => {
  for (const [code, row] of Object.entries<ErrorRow>(ERRORS)) {
    expect(code).toMatch(/^[A-Z]+(_[A-Z]+)*$/);
    expect(row.message, code).toMatch(/^[A-Z].*\.$/);
    expect(row.hint, code).toMatch(/^[A-Z].*\.$/s);
    expect(row.status, code).toBeGreaterThanOrEqual(400);
  }
});

test("an error carries its row, and its own hint wins", () => {
  const plain = new SlipwayError("NO_CHANGE");
  expect(plain.message).toBe(ERRORS.NO_CHANGE.message);
  expect(plain.hint).toBe(ERRORS.NO_CHANGE.hint);
  expect(plain.status).toBe(422);
  expect(new SlipwayError("NO_CHANGE", "x", { hint: "y" }).toJSON().error).toMatchObject({ code: "NO_CHANGE", message: "x", hint: "y" });
});

test("a full disk is recognised, an unknown failure keeps its cause", () => {
  expect(toSlipwayError(Object.assign(new Error("x"), { code: "ENOSPC" })).code).toBe("DISK_FULL");
  expect(toSlipwayError(Object.assign(new Error("x"), { code: "SQLITE_FULL" })).code).toBe("DISK_FULL");
  const cause = new Error("boom");
  const wrapped = toSlipwayError(cause, "WORKSPACE_FAILED");
  expect(wrapped).toMatchObject({ code: "WORKSPACE_FAILED", cause });
  expect(wrapped.message).toContain("boom");
  expect(toSlipwayError(wrapped)).toBe(wrapped);
});

test("codes are recognised by the table alone", () => {
  expect(isErrorCode("GATES_FAILED")).toBe(true);
  expect(isErrorCode("toString")).toBe(false);
  expect(isErrorCode(1)).toBe(false);
});
