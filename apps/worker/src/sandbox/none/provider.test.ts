import { expect, test } from "vitest";
import { requireLinux } from "./provider.ts";

test("a machine without /proc is refused at once, with a way on", () => {
  expect(() => requireLinux("linux")).not.toThrow();
  for (const platform of ["darwin", "win32"] as const) {
    expect(() => requireLinux(platform)).toThrow(expect.objectContaining({ code: "SANDBOX_UNAVAILABLE", details: expect.objectContaining({ platform }) }));
  }
});
