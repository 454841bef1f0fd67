import { expect, test } from "vitest";
import { landingIdentity } from "./landing-author.ts";
import { parseRepositoryConfig } from "./parse-repository-config.ts";

test("an author is Slipway, the agent, or who is named", () => {
  expect(landingIdentity("slipway", "codex")).toEqual({ name: "Slipway", email: "slipway@localhost" });
  expect(landingIdentity("agent", "codex")).toEqual({ name: "codex", email: "codex@slipway.localhost" });
  expect(landingIdentity("Ship Bot  <bot@ship.example>", "codex")).toEqual({ name: "Ship Bot", email: "bot@ship.example" });
});

test("what is no name and address is refused by its key", () => {
  expect(parseRepositoryConfig("landing: {author: agent, coAuthors: ['A <a@b.c>']}").landing).toMatchObject({ author: "agent", coAuthors: ["A <a@b.c>"] });
  for (const author of ["somebody", "A <a>", "A <a@b> <c@d>", "<a@b>"])
    expect(() => parseRepositoryConfig(`landing: {author: "${author}"}`)).toThrow(expect.objectContaining({ code: "INVALID_CONFIG" }));
});
