import { expect, test } from "vitest";
import { DEFAULT_PORTS, parsePortRange, portRangeSchema } from "./port-range.ts";

test("two ports, the lower one first", () => {
  expect(parsePortRange(DEFAULT_PORTS)).toEqual({ first: 20_000, last: 29_999 });
  expect(parsePortRange("1024-65535")).toEqual({ first: 1_024, last: 65_535 });
  expect(parsePortRange("5000-5000")).toEqual({ first: 5_000, last: 5_000 });
});

test.each(["", "20000", "29999-20000", "1023-2000", "20000-65536", "20000 - 29999", "20000-", "a-b", "20000-29999-1"])("%j is no range", (text) => {
  expect(parsePortRange(text)).toBeUndefined();
  expect(portRangeSchema.safeParse(text).error?.issues[0]?.message).toContain("such as 20000-29999");
});
