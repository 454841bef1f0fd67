import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { CriticEvent } from "@slipway/protocol/critic";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { runAttempt } from "../../apps/worker/src/job/run-attempt.ts";
import { TestAttempt } from "../support/attempt-context.ts";
import { criticAnswer, criticRejection } from "../support/critic-answer.ts";
import { forwardSocket } from "../support/forward-socket.ts";
import type { AnswerInput } from "../support/model-server/scenario.ts";
import { type ModelServer, startModelServer } from "../support/model-server/server.ts";
import { Life } from "../support/mortal-worker.ts";
import { ProcessProvider } from "../support/process-sandbox.ts";

/** Models as critics, over a socket as the gateway's: the agent's turns are shell commands, the model says what a scenario says. */

const BASE = {
  "sum.js": "exports.sum = (a, b) => a - b;\n",
  "sum.test.js": "test('adds', () => expect(sum(1, 2)).toBe(3));\n",
  "AGENTS.md": "Never use var.\n",
};
const MEND = "echo 'exports.sum = (a, b) => a + b;' > sum.js";
const GATES = "gates:\n  - {name: sum, run: grep -q 'a + b' sum.js}\n";
const careful = (more = "") => `${GATES}repairs: 2\ncritic:\n  critics:\n    - {name: careful, model: {provider: lab, name: big}}\n${more}`;

let folder: string;
let model: ModelServer;
let forward: AsyncDisposable;
/** What the model is to say, one after the other; the last one for ever. */
let answers: AnswerInput[];
const attempts: TestAttempt[] = [];
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "slipway-critic-"));
});
afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});
beforeEach(async () => {
  answers = [];
  model = await startModelServer({ scenario: () => (answers.length > 1 ? answers.shift() : answers[0]) });
  forward = await forwardSocket(join(folder, "s"), model.baseUrl);
});
afterEach(async () => {
  for (const attempt of attempts.splice(0)) await attempt[Symbol.asyncDispose]();
  await forward[Symbol.asyncDispose]();
  await model[Symbol.asyncDispose]();
});

interface Setting {
  readonly attempt: TestAttempt;
  readonly provider: ProcessProvider;
}

async function attemptWith(config: string, turns: string[] = [MEND], job: object = {}): Promise<Setting> {
  const provider = new ProcessProvider(turns);
  const files = { ...BASE, ".slipway.yaml": config };
  const attempt = await TestAttempt.make({ files, provider, job, gatewaySocket: join(folder, "s") });
  attempts.push(attempt);
  return { attempt, provider };
}

async function failureOf(attempt: TestAttempt): Promise<unknown> {
  return await runAttempt(await attempt.context()).then(
    (outcome) => Promise.reject(new Error(`the attempt ended well: ${JSON.stringify(outcome)}`)),
    (error: unknown) => error,
  );
}

function said(attempt: TestAttempt): CriticEvent[] {
  return attempt.events.flatMap((event) => (event.kind === "critic" ? [event.data] : []));
}

function asked(): string[] {
  return model.requests.all.flatMap(({ model: request }) => (request ? [request.prompt] : []));
}

function turnsOf({ events }: TestAttempt): string[] {
  return events.flatMap((event) => (event.kind === "turn" && event.data.status === "started" ? [`${event.data.turn} ${event.data.reason}`] : []));
}

describe("a critic", () => {
  test.each([
    ["lab", "openai-compatible", "/lab/v1/chat/completions"],
    ["openai", "openai", "/openai/v1/responses"],
    ["anthropic", "anthropic", "/anthropic/v1/messages"],
    ["gemini", "google", "/gemini/v1beta/models/big:generateContent"],
  ])("of the provider %s is asked as %s, with the attempt's token, for all that there is to judge by", async (provider, _, path) => {
    answers = [{ text: `Here it is:\n\`\`\`json\n${criticAnswer()}\n\`\`\`` }];
    const config = `${careful("  rubric: Look at the signs.\n").replace("lab", provider)}`;
    const { attempt, provider: sandboxes } = await attemptWith(config, [MEND], { criteria: ["sum(1, 2) is 3"] });
    expect(await runAttempt(await attempt.context())).toMatchObject({ kind: "change" });
    const requests = model.requests.all.filter(({ method }) => method === "POST");
    expect(requests.map((request) => request.path)).toEqual([path]);
    const { headers } = requests[0] ?? {};
    expect([headers?.authorization, headers?.["x-api-key"], headers?.["x-goog-api-key"]].join()).toContain("slipmodel_test");
    const [prompt = ""] = asked();
    for (const text of [
      "Mend the sum\n\nIt is wrong.",
      "1. sum(1, 2) is 3",
      "Look at the signs.",
      "Never use var.",
      "the gate sum (`grep -q 'a + b' sum.js`) passed",
      "## sum.js (modified, +1 -1)\n-    1 exports.sum = (a, b) => a - b;\n+    1 exports.sum = (a, b) => a + b;",
    ])
      expect(prompt).toContain(text);
    // Its agent was told of the criteria too.
    expect(sandboxes.sandboxes[0]?.requests[0]?.prompt).toContain("The change is accepted when all of this holds:\n1. sum(1, 2) is 3");
    const by = `model ${provider}/big`;
    expect(said(attempt)).toMatchObject([{ name: "careful", by, verdict: "approve", score: 90, kept: false, artifact: "critic-careful-0.json" }]);
    expect(JSON.parse(String(attempt.artifacts.get("critic-careful-0.json")))).toMatchObject({
      by,
      opinion: { verdict: "approve" },
      answers: [answers[0]?.text],
      prompt,
    });
    expect(attempt.events.flatMap((event) => (event.kind === "phase" && event.data.status === "started" ? [event.data.phase] : []))).toEqual([
      ...["prepare", "turn", "gates", "commit", "checks", "critic", "push"],
    ]);
  });

  test("that rejects sends the change back, most important first, with what checks remark; the mended one is judged anew", async () => {
    const findings = [
      { severity: "nit" as const, text: "A comment would help." },
      { severity: "blocker" as const, text: "It drops the sign.", file: "sum.js", line: 1 },
      { severity: "major" as const, text: "There is no such thing.", file: "none.js", line: 7 },
    ];
    answers = [{ text: criticAnswer({ verdict: "reject", summary: "No.", findings, score: 20 }) }, { text: criticAnswer() }];
    const { attempt, provider } = await attemptWith(careful(), [`${MEND}; printf 'x  \\n' > note.txt`, "rm note.txt"]);
    expect(await runAttempt(await attempt.context())).toMatchObject({ kind: "change", diffStat: { files: 1 } });
    expect(turnsOf(attempt)).toEqual(["1 task", "2 revision"]);
    const prompt = provider.sandboxes.flatMap(({ requests }) => requests).find(({ turn }) => turn === 2)?.prompt ?? "";
    const places = [
      "A reviewer does not accept the change",
      "sum.js:1: blocker: It drops the sign.",
      "nit: A comment",
      'Check "whitespace" has a remark',
      "note.txt:1",
    ].map((text) => prompt.indexOf(text));
    expect(places).toEqual(places.toSorted((a, b) => a - b));
    expect(places[0]).toBeGreaterThan(0);
    // Told to people as what does not count, and not to the agent.
    expect(prompt).not.toContain("There is no such thing.");
    expect(said(attempt)).toMatchObject([{ verdict: "reject", notes: [expect.stringContaining("there is no file none.js")] }, { verdict: "approve" }]);
    expect([...attempt.artifacts.keys()].filter((name) => name.startsWith("critic-"))).toEqual(["critic-careful-0.json", "critic-careful-1.json"]);
  });

  test("that rejects again and again fails the job, when no repair is left or nothing changes; an unchanged tree is not judged twice", async () => {
    answers = [{ text: criticRejection("It is wrong.") }];
    const { attempt } = await attemptWith(careful(), [MEND, "true"]);
    expect(await failureOf(attempt)).toMatchObject({
      code: "CRITIC_REJECTED",
      message: expect.stringMatching(/the repair changed nothing: sum\.js:1: major: It is wrong\./),
    });
    expect(asked()).toHaveLength(1);
    expect(said(attempt)).toMatchObject([{ kept: false }, { kept: true, verdict: "reject" }]);
    answers = [{ text: criticRejection("One.") }, { text: criticRejection("Two.") }];
    const other = await attemptWith(careful().replace("repairs: 2", "repairs: 1"), [MEND, "echo '// two' >> sum.js"]);
    expect(await failureOf(other.attempt)).toMatchObject({
      code: "CRITIC_REJECTED",
      details: { reason: "1 repair was tried", findings: ["sum.js:1: major: Two."] },
    });
  });

  test("whose answer cannot be used is asked once more, and told why; then it has no verdict, which is no approval", async () => {
    answers = [{ text: "Looks good to me!" }, { text: criticAnswer() }];
    const once = await attemptWith(careful());
    expect(await runAttempt(await once.attempt.context())).toMatchObject({ kind: "change" });
    expect(asked()).toHaveLength(2);
    expect(asked()[1]).toMatch(/could not be used\n- The answer is no JSON object\.[\s\S]*Looks good to me!/);
    answers = [{ text: '{"verdict": "approve"}' }];
    const twice = await attemptWith(careful());
    expect(await failureOf(twice.attempt)).toMatchObject({
      code: "CRITIC_REJECTED",
      message: expect.stringMatching(/careful \(model lab\/big\) gave no verdict.*summary/s),
    });
    expect(asked()).toHaveLength(4);
    expect(said(twice.attempt)).toMatchObject([{ verdict: "none", score: null }]);
    expect(twice.attempt.opinions.size).toBe(0);
  });

  test("that proves a criterion by what is not there is asked once more; then the criterion is unproven, and the change goes back", async () => {
    const criteria = [{ criterion: 1, verdict: "met" as const, reason: "Seen.", evidence: [{ file: "sum.js", line: 40 }] }];
    answers = [{ text: criticAnswer({ criteria }) }, { text: criticAnswer({ criteria }) }, { text: criticAnswer() }];
    const { attempt } = await attemptWith(careful(), [MEND, "echo '// seen' >> sum.js"]);
    expect(await runAttempt(await attempt.context())).toMatchObject({ kind: "change" });
    expect(asked()[1]).toContain("no line that is there is named for it (sum.js has 1 lines, and no line 40)");
    expect(said(attempt)).toMatchObject([{ verdict: "reject", criteria: [{ verdict: "unproven", evidence: [] }] }, { verdict: "approve" }]);
  });

  test("without an answer in time, refused, or rate-limited for too long ends the job as one that waits for a person, and keeps the change", async () => {
    answers = [{ stop: "silent-before-headers" }];
    const slow = await attemptWith(careful("  timeoutSeconds: 1\n"));
    expect(await failureOf(slow.attempt)).toMatchObject({
      code: "CRITIC_UNAVAILABLE",
      message: expect.stringContaining("no answer within 1 s"),
      details: { cause: { code: "MODEL_TIMEOUT" } },
    });
    answers = [{ error: { status: 401 } }];
    const refused = await attemptWith(careful());
    expect(await failureOf(refused.attempt)).toMatchObject({ code: "CRITIC_UNAVAILABLE", details: { cause: { code: "BACKEND_AUTH" } } });
    expect(asked()).toHaveLength(2);
    answers = [{ error: { status: 429, retryAfterSeconds: 1_000 } }];
    const limited = await attemptWith(careful());
    expect(await failureOf(limited.attempt)).toMatchObject({ code: "CRITIC_UNAVAILABLE", details: { cause: { code: "BACKEND_RATE_LIMITED" } } });
    for (const { attempt } of [slow, refused, limited]) {
      expect(said(attempt)).toMatchObject([{ verdict: "none" }]);
      expect(attempt.events.some((event) => event.kind === "notice" && event.data.text.includes("is kept on the hub as"))).toBe(true);
    }
  });

  test("that is asked to slow down for a moment waits, and says so", async () => {
    answers = [{ error: { status: 429, retryAfterSeconds: 1 } }, { text: criticAnswer() }];
    const { attempt } = await attemptWith(careful());
    expect(await runAttempt(await attempt.context())).toMatchObject({ kind: "change" });
    const notices = attempt.events.flatMap((event) => (event.kind === "notice" ? [event.data.text] : []));
    expect(notices).toContainEqual(expect.stringMatching(/^The critic careful \(model lab\/big\) is asked again in 1 s: BACKEND_RATE_LIMITED/));
  });

  test("that is advisory is told, and never in the way", async () => {
    for (const answer of [{ text: criticRejection("No.") }, { text: "no" }, { error: { status: 401 } }]) {
      answers = [answer];
      const { attempt } = await attemptWith(careful("  level: advisory\n"));
      expect(await runAttempt(await attempt.context())).toMatchObject({ kind: "change" });
      expect(said(attempt)).toMatchObject([{ level: "advisory", verdict: "text" in answer && answer.text !== "no" ? "reject" : "none" }]);
    }
  });

  test("that nobody here can ask is told before the agent begins", async () => {
    const provider = new ProcessProvider([MEND]);
    const attempt = await TestAttempt.make({ files: { ...BASE, ".slipway.yaml": careful() }, provider });
    attempts.push(attempt);
    expect(await failureOf(attempt)).toMatchObject({ code: "CRITIC_UNAVAILABLE", message: expect.stringContaining("no gateway") });
    const missing = await attemptWith(careful("  rubricFile: docs/review.md\n"));
    expect(await failureOf(missing.attempt)).toMatchObject({ code: "INVALID_CONFIG", details: { field: "critic.rubricFile", value: "docs/review.md" } });
    expect(turnsOf(attempt)).toEqual([]);
  });
});

describe("several critics", () => {
  const three = `${GATES}critic:\n  quorum: 2\n  critics:\n${["one", "two", "three"].map((name) => `    - {name: ${name}, model: {provider: lab, name: ${name}}}\n`).join("")}`;

  test("accept with their quorum; who is not needed any more is not asked", async () => {
    answers = [{ text: criticAnswer() }, { text: criticAnswer() }];
    const early = await attemptWith(three);
    expect(await runAttempt(await early.attempt.context())).toMatchObject({ kind: "change" });
    expect(said(early.attempt).map(({ name, verdict }) => `${name} ${verdict}`)).toEqual(["one approve", "two approve"]);
    answers = [{ text: criticRejection("No.") }, { text: criticAnswer() }, { text: criticAnswer() }];
    const late = await attemptWith(three);
    expect(await runAttempt(await late.attempt.context())).toMatchObject({ kind: "change" });
    expect(said(late.attempt).map(({ name, verdict }) => `${name} ${verdict}`)).toEqual(["one reject", "two approve", "three approve"]);
  });

  test("without it send back what all of them found; without a verdict of anybody nothing is accepted", async () => {
    answers = [{ text: criticRejection("First.") }, { text: criticAnswer() }, { text: criticRejection("Third.") }];
    const { attempt } = await attemptWith(three.replace("critic:", "repairs: 0\ncritic:"));
    expect(await failureOf(attempt)).toMatchObject({
      code: "CRITIC_REJECTED",
      details: { findings: ["sum.js:1: major: First. (one)", "sum.js:1: major: Third. (three)"] },
    });
    answers = [{ text: criticAnswer() }, { text: "?" }, { text: "?" }, { error: { status: 401 } }];
    const none = await attemptWith(three);
    expect(await failureOf(none.attempt)).toMatchObject({
      code: "CRITIC_UNAVAILABLE",
      details: {
        critics: [
          { critic: "two", code: "CRITIC_REJECTED" },
          { critic: "three", code: "CRITIC_UNAVAILABLE" },
        ],
      },
    });
  });
});

describe("what was asked before", () => {
  test("of the same tree is not asked again by a later attempt; another task or other criteria are another question", async () => {
    answers = [{ text: criticAnswer() }];
    // The same base commit each time.
    for (const name of ["GIT_AUTHOR_DATE", "GIT_COMMITTER_DATE"]) vi.stubEnv(name, "2026-01-01T00:00:00Z");
    const first = await attemptWith(careful());
    await runAttempt(await first.attempt.context());
    const again = async (job: object): Promise<boolean[]> => {
      const { attempt } = await attemptWith(careful(), [MEND], job);
      expect(attempt.job.baseOid).toBe(first.attempt.job.baseOid);
      for (const [key, opinion] of first.attempt.opinions) attempt.opinions.set(key, opinion);
      await runAttempt(await attempt.context());
      return said(attempt).map(({ kept }) => kept);
    };
    expect(await again({})).toEqual([true]);
    expect(asked()).toHaveLength(1);
    expect(await again({ task: "Another one" })).toEqual([false]);
    expect(await again({ criteria: ["It is short."] })).toEqual([false]);
    expect(asked()).toHaveLength(3);
    vi.unstubAllEnvs();
  });

  test.each([true, false])("is not asked again by a restarted worker (verdict written down: %s)", async (isWritten) => {
    answers = [{ text: criticAnswer() }];
    const { attempt } = await attemptWith(careful());
    const life = new Life({ write: "journal critic=careful", isWritten });
    await expect(runAttempt(await attempt.context({ life }))).rejects.toThrow();
    expect(life.isOver).toBe(true);
    expect(await runAttempt(await attempt.context())).toMatchObject({ kind: "change" });
    expect(asked()).toHaveLength(1);
    expect(said(attempt)).toMatchObject([{ verdict: "approve", kept: !isWritten }]);
    expect(turnsOf(attempt)).toEqual(["1 task"]);
  });

  test("is asked again where a worker was killed before the answer came", async () => {
    answers = [{ stop: "silent-before-headers" }, { text: criticAnswer() }];
    const { attempt } = await attemptWith(careful());
    const [stop, life] = [new AbortController(), new Life()];
    const first = runAttempt(await attempt.context({ signal: stop.signal, life }));
    await model.requests.first(({ method }) => method === "POST");
    life.isOver = true;
    stop.abort(new Error("the worker is gone"));
    await expect(first).rejects.toThrow();
    expect(said(attempt)).toEqual([]);
    expect(await runAttempt(await attempt.context())).toMatchObject({ kind: "change" });
    expect(asked()).toHaveLength(2);
    expect([said(attempt).length, turnsOf(attempt)]).toEqual([1, ["1 task"]]);
  });
});
