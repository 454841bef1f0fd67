import { execFileSync } from "node:child_process";
import fc from "fast-check";
import { expect, test } from "vitest";
import { identityEnvironment, messageWithTrailers } from "./commit-object.ts";

function trailersOf(message: string): string[] {
  return execFileSync("git", ["interpret-trailers", "--parse", "--no-divider"], { input: message, encoding: "utf8", cwd: "/" }).split("\n").filter(Boolean);
}

test("trailers follow the message, in the block that it may already have", () => {
  expect(messageWithTrailers("Title", { Job: "1", Attempt: "2" })).toBe("Title\n\nJob: 1\nAttempt: 2\n");
  expect(messageWithTrailers("Title\n\nBody\n\nJob: 1\n", { Landed: "x" })).toBe("Title\n\nBody\n\nJob: 1\nLanded: x\n");
  expect(messageWithTrailers("Title: with colon", { Job: "1" })).toBe("Title: with colon\n\nJob: 1\n");
  expect(messageWithTrailers("\0 \n", {})).toBe("Change\n");
});

test("git reads our trailer back, whatever the message and the value are", () => {
  fc.assert(
    fc.property(
      fc.string(),
      fc.string({ minLength: 1 }).filter((value) => /[a-z0-9]/i.test(value)),
      (message, value) => {
        const trailers = trailersOf(messageWithTrailers(message.replace(/^\s*#/gm, ""), { "Slipway-Job": value }));
        expect(trailers.filter((line) => line.startsWith("Slipway-Job: "))).toHaveLength(1);
      },
    ),
    { numRuns: 60 },
  );
});

test("a name cannot smuggle an address or a second line in", () => {
  const identity = { name: "A <evil@x>\nauthor B", email: "a@b>\n" };
  expect(identityEnvironment(identity, { name: "", email: "" })).toEqual({
    GIT_AUTHOR_NAME: "A  evil@x author B",
    GIT_AUTHOR_EMAIL: "a@b",
    GIT_COMMITTER_NAME: "Slipway",
    GIT_COMMITTER_EMAIL: "slipway@localhost",
  });
});
