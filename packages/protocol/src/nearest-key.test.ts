import { expect, test } from "vitest";
import { nearestKey } from "./nearest-key.ts";

const KNOWN = ["port", "host", "allowRemote", "retentionDays", "timeoutSeconds", "queueTimeoutSeconds", "slots"];

test.each([
  ["prot", "port"], // Swapped letters count once.
  ["hosts", "host"],
  ["allow_remote", "allowRemote"],
  ["Allow-Remote", "allowRemote"],
  ["retentoinDays", "retentionDays"],
  ["timeout", "timeoutSeconds"],
  ["timeoutSecond", "timeoutSeconds"],
  ["slot", "slots"],
])("%s is near %s", (key, expected) => {
  expect(nearestKey(key, KNOWN)).toBe(expected);
});

test.each(["", "x", "colour", "a".repeat(10_000)])("%j is near none", (key) => {
  expect(nearestKey(key, KNOWN)).toBeUndefined();
});
