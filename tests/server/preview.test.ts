import type { SubmitJobInput } from "@slipway/protocol/job";
import { afterAll, beforeAll, expect, test } from "vitest";
import { TestServer } from "./server-harness.ts";

const CONFIG = `
setup: {commands: [npm ci]}
gates:
  - {name: lint, run: npm run lint, timeoutSeconds: 60}
  - {name: test, run: npm test, needs: [lint], paths: ["src/**"]}
repairs: 2
checks: {whitespace: "off"}
critic: {critics: [{name: careful, model: {provider: lab, name: big}}], level: advisory}
budget: {usd: 3}
prompts: {task: "Read AGENTS.md. {{task}}"}
`;

let server: TestServer;
let repo: string;
let head: string;
beforeAll(async () => {
  server = await TestServer.start();
  const { view, source } = await server.repository({ ".slipway.yaml": CONFIG, "a.txt": "a\n" }, "ship");
  repo = view.name;
  head = await source.head();
});
afterAll(async () => await server[Symbol.asyncDispose]());

async function preview(more: Partial<SubmitJobInput> = {}, role: "submitter" | "viewer" = "submitter") {
  return await server.client(role).call("previewJob", { body: { repo, task: "Mend the sum", backend: "script", ...more } });
}

test("it answers what a submission resolves: base, branch, gates, checks, critic, budget and the first prompt", async () => {
  expect(await preview({ criteria: ["sum adds"], allowChecks: ["tests"], budget: { tokens: 1_000 } })).toMatchObject({
    repo: { name: "ship" },
    title: "Mend the sum",
    base: { asked: "main", oid: head },
    target: { isNew: true, branch: expect.stringMatching(/^slipway\/mend-the-sum-/) },
    landing: "train",
    backend: "script",
    setup: ["npm ci"],
    gates: [
      { name: "lint", run: "npm run lint", needs: [], paths: [], timeoutSeconds: 60 },
      { name: "test", run: "npm test", needs: ["lint"], paths: ["src/**"], timeoutSeconds: 300 },
    ],
    repairs: 2,
    critic: { critics: [{ name: "careful", by: "model lab/big" }], level: "advisory", quorum: 1 },
    budget: { usd: 3, tokens: 1_000 },
    requires: ["backend:script"],
    prompt: { text: expect.stringMatching(/^Read AGENTS\.md\. Mend the sum\n\n.*\n1\. sum adds/), template: { name: "develop-task", from: ".slipway.yaml" } },
  });
  const { checks } = await preview({ allowChecks: ["tests"] });
  expect(checks).toContainEqual({ name: "tests", level: "error", allowed: true });
  expect(checks.map(({ name }) => name)).not.toContain("whitespace");
});

test("a kind and a read-only job have prompts, gates and results of their own", async () => {
  const research = await preview({ taskKind: "research", task: "Why is it slow?" });
  expect(research).toMatchObject({ gates: [], taskKind: "research" });
  expect(research.prompt.text).toContain("docs/research/why-is-it-slow.md");
  expect(await preview({ readOnly: true })).toMatchObject({ readOnly: true, gates: [], target: null, prompt: { template: { name: "develop-answer" } } });
});

test("it is refused as the submission would be, names the field, and leaves nothing behind", async () => {
  const same = async (more: Partial<SubmitJobInput>): Promise<unknown> => {
    const told = async (name: "previewJob" | "submitJob"): Promise<unknown> =>
      await server
        .client("submitter")
        .call(name, { body: { repo, task: "x", backend: "script", ...more } })
        .then(
          () => "no error",
          (error: { code: string; details: { field?: string } }) => [error.code, error.details.field],
        );
    expect(await told("previewJob")).toEqual(await told("submitJob"));
    return await told("previewJob");
  };
  expect(await same({ taskKind: "fix" })).toEqual(["INVALID_REQUEST", "taskSpec"]);
  expect(await same({ landing: "pr" })).toEqual(["INVALID_REQUEST", "landing"]);
  expect(await same({ base: "nowhere" })).toEqual(["BASE_NOT_FOUND", undefined]);
  expect(await same({ repo: "nothing" })).toEqual(["NOT_FOUND", undefined]);
  await preview({}, "viewer");
  expect((await server.client("viewer").call("listJobs", {})).jobs).toEqual([]);
  expect((await server.client("admin").call("listAudit", { query: {} })).entries.filter(({ action }) => action === "previewJob")).toEqual([]);
});
