import { expect, test } from "vitest";
import { landingIdentity, submitterSchema } from "./landing-author.ts";
import { parseRepositoryConfig } from "./parse-repository-config.ts";

test("an author is Slipway, the agent, or who is named", () => {
  expect(landingIdentity("slipway", "codex")).toEqual({ name: "Slipway", email: "slipway@localhost" });
  expect(landingIdentity("agent", "codex")).toEqual({ name: "codex", email: "codex@slipway.localhost" });
  expect(landingIdentity("Ship Bot  <bot@ship.example>", "codex")).toEqual({ name: "Ship Bot", email: "bot@ship.example" });
});

test("the submitter is who the job says, Slipway where it says nobody; what would not go into a commit is refused", () => {
  const ana = { name: "Ana", email: "ana@ship.example" };
  expect(landingIdentity("submitter", "codex", ana)).toEqual(ana);
  expect(landingIdentity("submitter", "codex", null)).toEqual({ name: "Slipway", email: "slipway@localhost" });
  expect(landingIdentity("agent", "codex", ana).name).toBe("codex");
  expect(parseRepositoryConfig("landing: {author: submitter}").landing.author).toBe("submitter");
  expect(submitterSchema.safeParse({ name: " Ana Ö. ", email: "ana@ship.example" }).data).toEqual({ name: "Ana Ö.", email: "ana@ship.example" });
  for (const [name, email] of [
    ["", "a@b"],
    ["A\nCo-authored-by: B <b@c>", "a@b"],
    ["A <b@c>", "a@b"],
    ["A", "a"],
    ["A", "a@b> <c@d"],
  ])
    expect(submitterSchema.safeParse({ name, email }).success).toBe(false);
});

test("what is no name and address is refused by its key", () => {
  expect(parseRepositoryConfig("landing: {author: agent, coAuthors: ['A <a@b.c>']}").landing).toMatchObject({ author: "agent", coAuthors: ["A <a@b.c>"] });
  for (const author of ["somebody", "A <a>", "A <a@b> <c@d>", "<a@b>"])
    expect(() => parseRepositoryConfig(`landing: {author: "${author}"}`)).toThrow(expect.objectContaining({ code: "INVALID_CONFIG" }));
});
