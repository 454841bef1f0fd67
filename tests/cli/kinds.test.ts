import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Client } from "@slipway/protocol/client";
import { execa } from "execa";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { allEvents } from "../support/jobs.ts";
import { git, makeRepository, type TestRepository } from "../support/repository.ts";
import { Stack } from "../support/stack.ts";

/** Kinds and prompts as a person types them, against a whole installation. */

const MAIN = join(import.meta.dirname, "../../apps/cli/src/main.ts");
const FILES = { ".slipway.yaml": "gates:\n  - {name: sum, run: grep -qx 2 sum}\n", sum: "3\n" };
const VERDICT = {
  verdict: "request-changes",
  summary: "The sum is wrong.",
  findings: [
    { severity: "nit", message: "No line feed." },
    { severity: "blocker", file: "sum", line: 1, message: "It should be 2." },
  ],
};
const block = (value: unknown): string => `I looked.\n\n\`\`\`json\n${JSON.stringify(value, null, 2)}\n\`\`\``;

let stack: Stack;
let repository: TestRepository;
let client: Client;
beforeAll(async () => {
  stack = await Stack.start({ sandbox: "none" });
  client = await stack.client();
  repository = await makeRepository(FILES);
  await writeFile(join(repository.root, "sum"), "4\n");
  await git(repository.root, "commit", "-qam", "Another sum");
}, 60_000);
afterAll(async () => {
  await stack?.[Symbol.asyncDispose]();
  await repository?.[Symbol.asyncDispose]();
});

async function slipway(...args: string[]) {
  const env = { SLIPWAY_URL: stack.url, SLIPWAY_TOKEN_FILE: join(stack.data, "tokens/admin.token"), NO_COLOR: "1" };
  return await execa(process.execPath, [MAIN, ...args], { cwd: repository.root, env, reject: false, stdin: "ignore" });
}

/** As an option: the steps of each turn. */
async function script(name: string, ...turns: unknown[][]): Promise<string[]> {
  const file = join(stack.data, `${name}.json`);
  await writeFile(file, JSON.stringify({ turns }));
  return ["--backend-config", `script=@${file}`];
}

describe("review", () => {
  test("of a range: the agent sees the change and answers with a verdict, which run and show print", async () => {
    const agent = await script("review", [
      { readPrompt: "~/asked" },
      { shell: "grep -q '^+4' ~/asked && grep -q '^-3' ~/asked && grep -qx 4 sum" },
      { print: block(VERDICT) },
    ]);
    const run = await slipway("run", "--kind", "review", "--diff", "HEAD~1..", ...agent, "--quiet");
    expect([run.exitCode, run.stderr]).toEqual([0, ""]);
    expect(run.stdout).toMatch(/verdict: changes are asked for, 2 findings\n {2}The sum is wrong\.\n {2}blocker sum:1\n {10}It should be 2\.\n {2}nit/);
    const asJson = JSON.parse((await slipway("jobs", "--kind", "review", "--json")).stdout);
    expect(asJson.jobs).toHaveLength(1);
    expect(asJson.jobs[0]).toMatchObject({
      taskKind: "review",
      readOnly: true,
      state: "done",
      landedOid: null,
      taskSpec: { review: { from: "upstream", job: null } },
    });
    const show = JSON.parse((await slipway("show", String(asJson.jobs[0].number), "--json")).stdout);
    expect(show.verdict).toMatchObject({ verdict: "request-changes", findings: [{ line: null }, { file: "sum", line: 1 }] });
  }, 60_000);

  test("of a job that did not land, whose change only the hub has", async () => {
    const bad = await slipway("run", "Change it", ...(await script("bad", [{ shell: "echo 8 > sum" }])), "--json");
    const { job } = JSON.parse(bad.stdout);
    expect(job).toMatchObject({ state: "failed", failure: { code: "GATES_FAILED" } });
    const agent = await script("of", [{ shell: "grep -qx 8 sum" }, { print: block({ ...VERDICT, verdict: "comment", findings: [] }) }]);
    const run = await slipway("run", "--kind", "review", "--of", String(job.number), ...agent, "--json");
    expect(JSON.parse(run.stdout), run.stderr).toMatchObject({
      job: { state: "done", taskSpec: { review: { from: "jobs", job: job.number } } },
      verdict: { verdict: "comment" },
    });
  }, 90_000);

  test("a verdict that cannot be read is asked for once more, and then VERDICT_INVALID", async () => {
    const wrong = { ...VERDICT, verdict: "fine", findings: [{ severity: "major", file: "gone", message: "x" }] };
    const mended = await slipway(
      "run",
      "--kind",
      "review",
      "--diff",
      "HEAD~1..HEAD",
      ...(await script("mended", [{ print: block(wrong) }], [{ print: block(VERDICT) }])),
      "--json",
    );
    const { job, verdict } = JSON.parse(mended.stdout);
    expect(verdict).toMatchObject({ verdict: "request-changes" });
    const turns = (await allEvents(client, job.id)).flatMap((event) => (event.kind === "turn" ? (event.data.prompts ?? []).map(({ name }) => name) : []));
    expect(turns).toEqual(["review-task", "review-repair"]);
    const never = await slipway("run", "--kind", "review", "--diff", "HEAD~1..HEAD", ...(await script("never", [{ print: "Looks good to me!" }])), "--json");
    expect(JSON.parse(never.stdout).job).toMatchObject({ state: "failed", failure: { code: "VERDICT_INVALID" } });
  }, 90_000);
});

test("a document lands whatever the gates say of the code", async () => {
  const text = ["Question", "Answer", "Findings", "Open questions"].map((heading) => `## ${heading}\n\n[sum](../../sum)\n`).join("\n");
  const agent = await script("research", [{ write: { path: "docs/research/why-is-the-sum-wrong.md", content: text } }]);
  const run = await slipway("run", "Why is the sum wrong?", "--kind", "research", ...agent, "--json");
  expect(JSON.parse(run.stdout), run.stderr).toMatchObject({
    job: { state: "done", taskSpec: { document: "docs/research/why-is-the-sum-wrong.md" } },
    receipts: [],
  });
}, 60_000);

test.each([
  [["--log", "x", "Mend"], /--log: expected --kind fix/],
  [["--kind", "fix", "Mend"], /--kind: expected --log FILE or --failing-test NAME beside it/],
  [["--kind", "review"], /--kind: expected either --diff BASE\.\.HEAD or --of JOB beside it/],
  [["--kind", "review", "--diff", "HEAD..HEAD~1"], /--diff: expected a range with a change/],
  [["--kind", "research", "--document", "../x.md", "Look"], /--document: expected a path below the root/],
  [["--kind", "fix", "--log", "nowhere.log", "Mend"], /--log: expected a file that can be read/],
  [["--kind", "tests", "Mend"], /Allowed choices are develop, test, fix/],
])("%j is refused, and says what was expected", async (args, words) => {
  const { exitCode, stderr } = await slipway("submit", ...args);
  expect(exitCode).not.toBe(0);
  expect(stderr.replace(/\s+/g, " ")).toMatch(words);
});

describe("slipway prompts", () => {
  test("lists, shows and previews Slipway's own", async () => {
    const { prompts } = JSON.parse((await slipway("prompts", "--json")).stdout);
    expect(prompts).toContainEqual(expect.objectContaining({ kind: "fix", phase: "task", name: "fix-task", version: 1, from: "slipway" }));
    expect((await slipway("prompts")).stdout).toMatch(/review +repair +review-repair +1 +slipway/);
    expect((await slipway("prompts", "show", "develop", "task")).stdout).toBe("{{task}}");
    expect((await slipway("prompts", "preview", "Mend {{task}}.")).stdout).toBe("Mend {{task}}.");
    const fix = await slipway("prompts", "preview", "--kind", "fix", "--failing-test", "a > b", "Mend it.");
    expect(fix.stdout).toContain("The failing test:\n```\na > b\n```");
    expect((await slipway("prompts", "preview", "--phase", "repair", "x")).stdout).toContain("‹failures: ");
    const revision = (await slipway("prompts", "preview", "--phase", "revision", "Mend it.")).stdout;
    for (const text of ["‹objection: ", "\nMend it.\n", "Leave no conflict marker"]) expect(revision).toContain(text);
    expect((await slipway("prompts", "preview", "--kind", "review", "--diff", "HEAD~1..HEAD")).stdout).toContain("\n-3\n+4\n");
  }, 60_000);

  test("an override counts once it is committed; one that is wrong is told by file, line and variable, and submits nothing", async () => {
    await mkdir(join(repository.root, ".slipway/prompts"), { recursive: true });
    await writeFile(join(repository.root, ".slipway/prompts/develop-task.md"), "---\nversion: 2\n---\nFirst read AGENTS.md.\n\n{{task}}\n");
    expect((await slipway("prompts", "preview", "x")).stdout).toBe("x");
    await git(repository.root, "add", ".");
    await git(repository.root, "commit", "-qm", "Prompts");
    expect((await slipway("prompts", "preview", "x")).stdout).toBe("First read AGENTS.md.\n\nx");
    await writeFile(join(repository.root, ".slipway/prompts/fix-task.md"), "Mend this:\n\n{{task}}\n{{failur}}\n");
    await git(repository.root, "add", ".");
    await git(repository.root, "commit", "-qm", "A wrong one");
    for (const command of [["prompts"], ["submit", "x", ...(await script("idle", [{ print: "x" }]))]]) {
      const { exitCode, stderr } = await slipway(...command);
      expect(exitCode).not.toBe(0);
      expect(stderr.replace(/\s+/g, " ")).toContain(
        ".slipway/prompts/fix-task.md:4:1: expected one of {{task}}, {{failure}}, found {{failur}}. Did you mean {{failure}}?",
      );
    }
    await git(repository.root, "mv", ".slipway/prompts/fix-task.md", ".slipway/prompts/fix-tasks.md");
    await git(repository.root, "commit", "-qm", "A wrong name");
    expect((await slipway("prompts")).stderr.replace(/\s+/g, " ")).toMatch(/fix-tasks\.md:1:1: expected one of .*Did you mean fix-task\.md\?/);
    await git(repository.root, "rm", "-rq", ".slipway");
    await git(repository.root, "commit", "-qm", "None");
  }, 60_000);
});
