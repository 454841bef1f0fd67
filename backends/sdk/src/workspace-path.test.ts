import { expect, test } from "vitest";
import { pathInWorkspace } from "./workspace-path.ts";

test.each([
  ["/work/space/src/a.ts", "src/a.ts"],
  ["src/a.ts", "src/a.ts"],
  ["/work/spaceship/a.ts", "/work/spaceship/a.ts"],
  ["/etc/passwd", "/etc/passwd"],
  ["/work/space/..a", "..a"],
  ["/work/space", "/work/space"],
])("%s is told as %s", (path, told) => {
  expect(pathInWorkspace("/work/space", path)).toBe(told);
});
