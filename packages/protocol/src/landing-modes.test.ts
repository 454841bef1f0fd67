import { describe, expect, it } from "vitest";
import { SlipwayError } from "./errors.ts";
import { parseInstallationConfig } from "./parse-installation-config.ts";
import { parseRepositoryConfig } from "./parse-repository-config.ts";

function refusal(parse: () => unknown): SlipwayError {
  try {
    parse();
  } catch (error) {
    if (error instanceof SlipwayError) return error;
    throw error;
  }
  throw new Error("the configuration was accepted");
}

describe("landing in .slipway.yaml", () => {
  it("takes a mode, a template and what becomes of pull requests", () => {
    const { landing } = parseRepositoryConfig(
      "landing:\n  mode: pr\n  branch: 'agents/{ticket}-{slug}'\n  pullRequest: {labels: [agent], merge: when-green}\n",
    );
    expect(landing).toMatchObject({ mode: "pr", branch: "agents/{ticket}-{slug}", pullRequest: { labels: ["agent"], merge: "when-green", revisions: 2 } });
  });

  it.each([
    ["mode: push", "landing.mode", "train"],
    ["branch: '{name}'", "landing.branch", "{original_ticket}"],
    ["pullRequest: {title: '{task}'}", "landing.pullRequest.title", "{ticket}"],
    ["pullRequest: {revisions: 11}", "landing.pullRequest.revisions", "10"],
    ["pullRequest: {reviewers: ['@mara']}", "landing.pullRequest.reviewers[0]", "account"],
    ["pullRequest: {draft: true}", "landing.pullRequest.draft", "until-green"],
  ])("says what is wrong with %s", (text, key, expected) => {
    const { code, message, details } = refusal(() => parseRepositoryConfig(`landing:\n  ${text}\n`));
    expect([code, details["key"]]).toEqual(["INVALID_CONFIG", key]);
    expect(message).toContain(expected);
  });
});

describe("server.forges in slipway.yaml", () => {
  it("takes a token or an app, by the host", () => {
    const text =
      "server:\n  forges:\n    git.example.com:8443: {kind: gitlab, baseUrl: 'https://git.example.com:8443', token: OWN}\n    github.com: {kind: github, app: {id: 1, installationId: 2, privateKey: KEY}}\n";
    expect(parseInstallationConfig(text).value.server.forges).toEqual({
      "git.example.com:8443": { kind: "gitlab", baseUrl: "https://git.example.com:8443", token: "OWN" },
      "github.com": { kind: "github", app: { id: 1, installationId: 2, privateKey: "KEY" } },
    });
  });

  it.each([
    ["{kind: github}", "either `token` or `app`"],
    ["{kind: github, token: A, app: {id: 1, installationId: 2, privateKey: B}}", "either `token` or `app`"],
    ["{kind: gitlab, app: {id: 1, installationId: 2, privateKey: B}}", "GitLab has no such apps"],
    ["{kind: gitlab, token: A, baseUrl: 'http://git.example.com'}", "in clear"],
    ["{kind: gitlab, token: 'glpat-abc/../x'}", "name of a file"],
    ["{kind: bitbucket, token: A}", "github"],
  ])("says what is wrong with %s", (text, expected) => {
    const { code, message } = refusal(() => parseInstallationConfig(`server:\n  forges:\n    git.example.com: ${text}\n`));
    expect(code).toBe("INVALID_CONFIG");
    expect(message).toContain(expected);
  });
});
