import { expect, test } from "vitest";
import { checkSkew } from "./clock.ts";

test.each([
  [300, true, "within a second of the server's"],
  [-4_000, true, "4.0 s ahead of the server's"],
  [4_000, true, "4.0 s behind the server's"],
  [-90_000, false, "1 min 30 s ahead of the server's"],
])("a skew of %i ms", (skewMs, ok, found) => {
  const one = checkSkew(skewMs, "GET");
  expect([one.ok, one.found, one.required]).toEqual([ok, found, false]);
  if (!ok) expect(one).toMatchObject({ lost: expect.stringContaining("lost lease"), remedy: expect.stringContaining("timedatectl") });
});
