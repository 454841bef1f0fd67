import { expect, test } from "vitest";
import { checkLimits } from "./limits.ts";

test("doctor says what bounds the sandboxes of each worker, and what to do where nothing does", () => {
  const bounded = { name: "big", capabilities: ["backend:script", "limit:memory:4294967296", "limit:processes:16384", "limit:file:1073741824"] };
  const half = { name: "small", capabilities: ["limit:processes:100"] };
  const free = { name: "free", capabilities: ["backend:script"] };
  expect(checkLimits([bounded])).toMatchObject({ ok: true, required: false, remedy: null });
  expect(checkLimits([bounded]).found).toMatch(/^big: memory 4(\.0)? GiB, 16384 processes, files of 1(\.0)? GiB$/);
  expect(checkLimits([bounded, half, free])).toMatchObject({ ok: false, remedy: expect.stringContaining("docs/sandbox.md") });
  expect(checkLimits([half, free]).found).toBe("small: 100 processes; free: none");
});
