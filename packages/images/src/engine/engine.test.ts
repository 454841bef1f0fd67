import { expect, test } from "vitest";
import { engineError } from "./engine.ts";

test.each([
  [{ code: "ECONNREFUSED" }, "ENGINE_UNAVAILABLE", "nobody listens there", "systemctl start docker"],
  [{ code: "EACCES" }, "ENGINE_UNAVAILABLE", "permission denied", "as good as root"],
  [{ statusCode: 500, message: "mkdir /var/lib: no space left on device" }, "DISK_FULL", "no room left", "docker system df"],
  [{ statusCode: 409, message: "(HTTP code 409) it is in use" }, "ENGINE_UNAVAILABLE", "refused: (HTTP code 409) it is in use.", "journalctl"],
])("what an engine ends with is told with what to do: %j", (properties, code, words, hint) => {
  expect(engineError(Object.assign(new Error("no words"), properties))).toMatchObject({
    code,
    message: expect.stringContaining(words),
    hint: expect.stringContaining(hint),
  });
});

test("a mistake of our own stays one", () => {
  expect(engineError(new TypeError("x is not a function"))).toMatchObject({ code: "INTERNAL" });
});
