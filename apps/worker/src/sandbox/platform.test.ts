import { expect, test } from "vitest";
import { requirePlatform } from "./platform.ts";

test.each([
  ["bwrap", "linux"],
  ["none", "linux"],
  ["none", "darwin"],
] as const)("%s is had on %s", (kind, platform) => {
  expect(() => requirePlatform(kind, platform)).not.toThrow();
});

test.each([
  ["bwrap", "darwin", /--sandbox none/],
  ["bwrap", "win32", /WSL 2/],
  ["none", "win32", /WSL 2/],
  ["none", "freebsd", /Linux/],
] as const)("%s on %s is refused at once, with a way on", (kind, platform, hint) => {
  expect(() => requirePlatform(kind, platform)).toThrow(expect.objectContaining({ code: "SANDBOX_UNAVAILABLE", hint: expect.stringMatching(hint) }));
});
