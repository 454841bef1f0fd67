import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { readdir, readFile, watch } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { ErrorCode } from "@slipway/protocol/errors";
import { processesWith } from "../../sandbox/live-processes.ts";
import type { ScenarioInput } from "../../support/model-server/scenario.ts";
import { noisePng } from "../../support/png.ts";
import { type AgentBench, JOB, openAgentBench, type Place, type PlayOptions, TOKEN } from "./agent-bench.ts";
import type { AgentUnderTest } from "./agent-under-test.ts";
import { lookUps } from "./look-ups.ts";
import { eventsOf, named, outcomeOf } from "./outcome.ts";

/** One promise that every backend keeps with its real CLI; `run` rejects with what was not kept. */
export interface MatrixCase {
  /** Also the row in the table of results. */
  readonly name: string;
  /** Part of what runs with every change. */
  readonly isSmoke: boolean;
  /** Why this agent does not keep it; it is not run then. */
  readonly exempt?: string;
  run(): Promise<void>;
}

/** An aborted turn must be over by then. */
const ABORT_LIMIT_MS = 1_000;
/** A failing model must have ended the turn by then, for an agent that is not slow. */
const FAILURE_LIMIT_MS = 30_000;

const usage = (inputTokens: number) => ({ inputTokens, cachedInputTokens: 10, outputTokens: 20, reasoningTokens: 0 });

/** A first turn that gets it wrong, and a repair that has the gate's words in its prompt. */
const REPAIR: ScenarioInput = {
  turns: [
    {
      prompt: "expected 4",
      steps: [
        { text: "I see.", shell: "printf 'module.exports = (a, b) => a + b;\\n' > add.js", usage: usage(500) },
        { text: "Now it adds.", usage: usage(700) },
      ],
    },
    {
      steps: [
        { text: "I look.", shell: "printf 'module.exports = (a, b) => a * b;\\n' > add.js; echo it is done", usage: usage(100) },
        { text: "Fixed.", usage: usage(300) },
      ],
    },
  ],
};
const ADD = { "add.js": "module.exports = () => 0;\n" };

/** Models that fail, and what their turn must end with. */
const FAILURES: ReadonlyArray<readonly [scenario: string, ...codes: ErrorCode[]]> = [
  ["error-400", "MODEL_REFUSED"],
  ["quota", "BACKEND_QUOTA"],
  ["error-429", "BACKEND_RATE_LIMITED"],
  ["error-500", "MODEL_OVERLOADED"],
  ["error-503", "MODEL_OVERLOADED"],
  ["context", "CONTEXT_TOO_LONG"],
  ["cut", "MODEL_UNREACHABLE"],
  ["silence", "MODEL_TIMEOUT"],
  // Before its headers a silent vendor is the gateway's to give up, which no agent could tell from a model that thinks.
  ["hang", "MODEL_TIMEOUT", "AGENT_TIMEOUT"],
];

/** All cases of an agent at a place. */
export function matrixCases(agent: AgentUnderTest, place: Place): MatrixCase[] {
  const open = (scenario: Parameters<typeof openAgentBench>[2], files?: Record<string, string>) =>
    openAgentBench(agent, place, scenario, files ? { files } : {});
  const full = (name: string, run: () => Promise<void>, exempt?: string): MatrixCase => ({ name, isSmoke: false, run, ...(exempt ? { exempt } : {}) });
  const smoke = (name: string, run: () => Promise<void>): MatrixCase => ({ name, isSmoke: true, run });
  const reason = (promise: true | "exact" | { readonly not: string }): string | undefined => (typeof promise === "object" ? promise.not : undefined);
  return [
    smoke("edits a file, and a revision goes on with the conversation", () => checkRevision(agent, open)),
    ...(place === "direct"
      ? []
      : [full("one that was started before its job was known takes the turns, and its commands know the job", () => checkAhead(open), agent.startsAhead?.not)]),
    full("usage is what the model served", () => checkUsage(open), reason(agent.usage)),
    full("the conversation outlives the agent's process", () => checkKill(open), reason(agent.survivesKill)),
    smoke("a cancel in the middle of a shell command leaves no process, and the next turn works", () => checkCancel(open)),
    smoke("a refused key is BACKEND_AUTH", () => checkFailure(agent, open, "text", ["BACKEND_AUTH"], { token: "another" })),
    ...FAILURES.map(([scenario, ...codes]) =>
      full(`a model that fails (${scenario}) ends with its code`, () => checkFailure(agent, open, scenario, agent.codes?.[scenario] ?? codes)),
    ),
    full("a model that is not there is GATEWAY_UNAVAILABLE", () => checkGone(agent, open)),
    full("a model that never stops is ended", () => checkLoop(agent, open)),
    full("a failure among answers is overcome", () => checkHiccup(open)),
    full("a megabyte of answer and a long prompt of unicode and control characters come through", () => checkLargeTexts(open)),
    full("the output of a command that is a megabyte of unicode and control characters comes through", () => checkLargeOutput(open), agent.tellsOutput?.not),
    full("the repository's AGENTS.md reaches the model", () => checkInstructions(open)),
    full("the token is in no event, no log and no file", () => checkToken(open)),
    full("the token is not in the environment of the model's commands", () => checkShell(open), reason(agent.hidesToken)),
    full("it looks up nothing outside, and writes nowhere but in its workspace, its home and the folder for temporary files", () => checkOutside(agent)),
    ...(agent.backend.capabilities.mcp ? [smoke("the model calls a tool of the job's MCP server, and a revision too", () => checkMcp(agent, open))] : []),
    imagesCase(agent, open),
    full("two at once do not meet", () => checkTwo(open)),
    full("an agent that is killed is BACKEND_FAILED", () => checkDeath(open)),
  ];
}

function imagesCase(agent: AgentUnderTest, open: Open): MatrixCase {
  const name = "the job's images come through, and stay in the conversation";
  if (agent.backend.capabilities.images) return { name, isSmoke: true, run: () => checkImages(open) };
  if (!agent.takesImages) throw new TypeError(`${agent.backend.name}: a backend without images says here why`);
  return { name, isSmoke: true, exempt: agent.takesImages.not, run: () => checkImages(open) };
}

type Open = (scenario: Parameters<typeof openAgentBench>[2], files?: Record<string, string>) => Promise<AgentBench>;

/** The turn ended well, with these words; what it took of the machine is no two times the same. */
function assertSaid({ result }: Awaited<ReturnType<AgentBench["run"]>>, words: string): void {
  const { resources: _, ...said } = result;
  assert.deepEqual(said, { status: "done", finalText: words });
}

async function checkRevision(agent: AgentUnderTest, open: Open): Promise<void> {
  await using bench = await open(REPAIR, ADD);
  const first = await bench.run({ prompt: "Make add.js add." });
  assert.equal(outcomeOf(first), "done", JSON.stringify(first.result));
  assertSaid(first, "Fixed.");
  assert(eventsOf(first, "message").some(({ role, text }) => role === "agent" && text.includes("Fixed.")));
  const [call] = eventsOf(first, "tool-call");
  assert(JSON.stringify(call?.input).includes("add.js"), `its call is told with its input: ${JSON.stringify(call)}`);
  const told = eventsOf(first, "tool-result").find(({ callId }) => callId === call?.callId);
  assert(told, "its call has a result");
  if (!agent.tellsOutput) assert(told.output.includes("it is done"), `its result is told: ${JSON.stringify(told)}`);
  assert.equal(await readFile(join(bench.workspace, "add.js"), "utf8"), "module.exports = (a, b) => a * b;\n");

  const second = await bench.run({ prompt: "The gate says: expected 4.", turn: 2 });
  assertSaid(second, "Now it adds.");
  if (agent.backend.capabilities.resume) assertRemembers(bench, "Make add.js add.");
  assert.deepEqual(eventsOf(second, "notice"), []);
  assert.equal(await readFile(join(bench.workspace, "add.js"), "utf8"), "module.exports = (a, b) => a + b;\n");
  assert.equal(first.lateCount() + second.lateCount(), 0);
}

/** The model is shown the first turn again. */
function assertRemembers(bench: AgentBench, words: string): void {
  const newest = bench.server.requests.modelCalls().findLast(({ model }) => (model?.tools.length ?? 0) > 0);
  assert(newest?.model?.text.includes(words), `the newest request does not hold ${JSON.stringify(words)}`);
}

async function checkAhead(open: Open): Promise<void> {
  const shell = 'pwd > where.txt; echo "$SLIPWAY_JOB" > job.txt';
  await using bench = await open({
    turns: [{ prompt: "Once more.", steps: [{ text: "Still here." }] }, { steps: [{ text: "I look.", shell }, { text: "Seen." }] }],
  });
  await bench.warmedUp();
  const waiting = bench.insidePids();
  const first = await bench.run();
  assert.equal(outcomeOf(first), "done", JSON.stringify(first.result));
  assert.deepEqual(eventsOf(first, "notice"), []);
  assert.equal((await readFile(join(bench.workspace, "job.txt"), "utf8")).trim(), JOB);
  assert.equal((await readFile(join(bench.workspace, "where.txt"), "utf8")).trim(), "/workspace");
  const second = await bench.run({ prompt: "Once more.", turn: 2 });
  assertSaid(second, "Still here.");
  const now = new Set(bench.insidePids());
  // Two are the sandbox's own. What the agent runs for a moment when it starts may be among those that waited.
  assert(waiting.filter((pid) => now.has(pid)).length > 2, "the process that waited had both turns");
}

/** An agent that asks for more when its turn has ended does so at once. */
const QUIET_MS = 1_000;

async function checkUsage(open: Open): Promise<void> {
  await using bench = await open(REPAIR, ADD);
  const served = (inputTokens: number) => ({ inputTokens, cachedInputTokens: 20, outputTokens: 40 });
  for (const [turn, prompt, expected] of [
    [1, "Make add.js add.", served(400)],
    [2, "The gate says: expected 4.", served(1_200)],
  ] as const) {
    const record = await bench.run({ prompt, turn });
    assert.equal(outcomeOf(record), "done");
    const sum = { inputTokens: 0, cachedInputTokens: 0, outputTokens: 0 };
    for (const event of eventsOf(record, "usage")) for (const key of ["inputTokens", "cachedInputTokens", "outputTokens"] as const) sum[key] += event[key];
    assert.deepEqual(sum, expected, `turn ${turn}`);
    // What it asks its model behind the turn, a title or what one might ask next, is paid for by somebody who does not see it.
    const calls = bench.server.requests.modelCalls().length;
    await delay(QUIET_MS);
    assert.equal(bench.server.requests.modelCalls().length, calls, `model calls after turn ${turn}`);
  }
}

async function checkKill(open: Open): Promise<void> {
  await using bench = await open(REPAIR, ADD);
  assert.equal(outcomeOf(await bench.run({ prompt: "Make add.js add." })), "done");
  bench.killAgent();
  const second = await bench.run({ prompt: "The gate says: expected 4.", turn: 2 });
  assert.equal(outcomeOf(second), "done", JSON.stringify(second.result));
  assertRemembers(bench, "Make add.js add.");
}

async function checkCancel(open: Open): Promise<void> {
  const mark = `3${process.pid}.${Math.random().toString().slice(2, 8)}`;
  const slow = `sleep ${mark} & touch started; sleep ${mark}1`;
  await using bench = await open({ turns: [{ prompt: "Try again.", steps: [{ text: "Done." }] }, { steps: [{ text: "I wait.", shell: slow }] }] });
  const cancel = new AbortController();
  const turn = bench.run({ prompt: "First words.", signal: cancel.signal });
  await Promise.race([appears(bench.workspace, "started"), turn.then(({ result }) => assert.fail(`it ended before: ${JSON.stringify(result)}`))]);
  // The second one begins a moment after the file is there.
  const startedAt = performance.now();
  while (processesWith(mark).length < 2 && performance.now() - startedAt < ABORT_LIMIT_MS) await new Promise((resolve) => setTimeout(resolve, 5));
  assert(processesWith(mark).length >= 2, "its commands run");
  const abortedAt = performance.now();
  cancel.abort();
  assert.equal(outcomeOf(await turn), "CANCELLED");
  const tookMs = performance.now() - abortedAt;
  assert(tookMs < ABORT_LIMIT_MS, `it ended ${tookMs.toFixed(0)} ms after its abort`);
  // A process that was killed is gone when the system has had a moment for it.
  while (processesWith(mark).length > 0 && performance.now() - abortedAt < ABORT_LIMIT_MS) await new Promise((resolve) => setTimeout(resolve, 5));
  assert.deepEqual(processesWith(mark), []);
  assert.equal(outcomeOf(await bench.run({ prompt: "Try again.", turn: 2 })), "done");
}

async function appears(folder: string, name: string): Promise<void> {
  const changes = watch(folder);
  if (existsSync(join(folder, name))) return;
  for await (const { filename } of changes) if (filename === name) return;
}

async function checkFailure(agent: AgentUnderTest, open: Open, scenario: string, codes: readonly string[], options: PlayOptions = {}): Promise<void> {
  const limitMs = FAILURE_LIMIT_MS * (agent.slowness ?? 1);
  await using bench = await open(named(scenario));
  const record = await bench.run({ config: agent.impatient, timeoutMs: limitMs - 5_000, ...options });
  assert(codes.includes(outcomeOf(record)), `expected ${codes.join(" or ")}, found ${JSON.stringify(record.result)}`);
  assert(record.durationMs < limitMs, `it took ${record.durationMs.toFixed(0)} ms`);
  assert.equal(record.lateCount(), 0);
}

async function checkGone(agent: AgentUnderTest, open: Open): Promise<void> {
  await using bench = await open(named("text"));
  await bench.server[Symbol.asyncDispose]();
  const limitMs = FAILURE_LIMIT_MS * (agent.slowness ?? 1);
  const record = await bench.run({ config: agent.impatient, timeoutMs: limitMs - 5_000 });
  assert.equal(outcomeOf(record), "GATEWAY_UNAVAILABLE", JSON.stringify(record.result));
  assert(record.durationMs < limitMs, `it took ${record.durationMs.toFixed(0)} ms`);
}

async function checkLoop(agent: AgentUnderTest, open: Open): Promise<void> {
  await using bench = await open(named("loop"));
  const timeoutMs = 15_000 * (agent.slowness ?? 1);
  const record = await bench.run({ ...(agent.bounded ? { config: agent.bounded } : {}), timeoutMs });
  assert.equal(outcomeOf(record), agent.bounded ? "AGENT_STEP_LIMIT" : "AGENT_TIMEOUT", JSON.stringify(record.result));
  assert(record.durationMs < timeoutMs + ABORT_LIMIT_MS + 1_000, `it took ${record.durationMs.toFixed(0)} ms`);
  assert(bench.server.requests.modelCalls().length > 1);
}

async function checkHiccup(open: Open): Promise<void> {
  await using bench = await open(named("text"));
  let failures = 1;
  bench.server.play((request) => (request.tools.length > 0 && failures-- > 0 ? { error: { status: 500 } } : named("text")(request)));
  assert.equal(outcomeOf(await bench.run()), "done");
}

/** Every control character but those that no text has: NUL cannot stand in an argument, and line ends are line ends. */
const ODD = `Grüße ☃ 🚢 ‮right-to-left‬ ${Array.from({ length: 31 }, (_, index) => String.fromCharCode(index + 1))
  .filter((character) => !"\n\r".includes(character))
  .join("")} \u007f\u0085\u2028 end`;

async function checkLargeTexts(open: Open): Promise<void> {
  await using bench = await open(named("flood"));
  const prompt = `Read this: ${ODD} ${"word ".repeat(60_000)}the last word`;
  const record = await bench.run({ prompt });
  assert.equal(outcomeOf(record), "done", JSON.stringify(record.result).slice(0, 2_000));
  assert(eventsOf(record, "message").some(({ text }) => text.startsWith("flood flood")));
  const shown = bench.server.requests.modelCalls().findLast(({ model }) => (model?.tools.length ?? 0) > 0)?.model?.text ?? "";
  assert(shown.includes("the last word") && shown.includes("Grüße ☃ 🚢"), "the whole prompt reaches the model");
}

async function checkLargeOutput(open: Open): Promise<void> {
  const shell = `i=0; while [ $i -lt 1000 ]; do printf 'Grüße ☃ 🚢 \\001\\002\\033[31m %01000d\\n' $i; i=$((i+1)); done; echo the end`;
  await using bench = await open({ turns: [{ steps: [{ text: "I print.", shell }, { text: "Done." }] }] });
  const record = await bench.run();
  assertSaid(record, "Done.");
  const [result] = eventsOf(record, "tool-result");
  assert(result?.output.includes("Grüße ☃ 🚢"), `its output is told: ${result?.output.slice(0, 500)}`);
}

async function checkInstructions(open: Open): Promise<void> {
  await using bench = await open(named("edit"), { "README.md": "# demo\n", "AGENTS.md": "Boats are counted in fathoms here.\n" });
  assert.equal(outcomeOf(await bench.run()), "done");
  const bodies = bench.server.requests.modelCalls().map(({ body }) => JSON.stringify(body));
  assert(
    bodies.some((body) => body.includes("counted in fathoms")),
    "no call of the model has a word of it",
  );
}

async function checkToken(open: Open): Promise<void> {
  await using bench = await open(named("edit"));
  const record = await bench.run();
  assert.equal(outcomeOf(record), "done");
  assert(!JSON.stringify([record.events, [...record.logs], record.result]).includes(TOKEN), "an event or a log shows the token");
  // One that waits for a further turn may still write, and move what it has written.
  bench.killAgent();
  for (const root of [bench.home, bench.workspace]) {
    const entries = await readdir(root, { recursive: true, withFileTypes: true });
    for (const file of entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name)))
      assert(!(await readFile(file)).includes(TOKEN), `${file} holds the token`);
  }
}

async function checkShell(open: Open): Promise<void> {
  await using bench = await open({ turns: [{ steps: [{ text: "I look.", shell: "env | base64 -w 0 > seen.txt; echo the end" }, { text: "Done." }] }] });
  const record = await bench.run({ env: { OF_THE_JOB: "is there" } });
  assert.equal(outcomeOf(record), "done", JSON.stringify(record.result));
  const seen = Buffer.from(await readFile(join(bench.workspace, "seen.txt"), "utf8"), "base64").toString();
  assert(seen.includes("OF_THE_JOB=is there"), seen);
  assert(!seen.includes(TOKEN), "the command sees the token");
}

async function checkOutside({ module, exportName, temporary }: AgentUnderTest): Promise<void> {
  const { outcome, names, strays } = await lookUps(module, exportName);
  assert.deepEqual({ outcome, names, strays: strays.filter((name) => !temporary?.test(name)) }, { outcome: "done", names: [], strays: [] });
}

const TIDE_KEY = "key-of-the-tide-server-0123456789";

async function checkMcp(agent: AgentUnderTest, open: Open): Promise<void> {
  const harbours = ["Brest", "Calais"];
  const file = "tide-server.mjs";
  const source = await readFile(join(import.meta.dirname, "../../support", file), "utf8");
  await using bench = await open(
    ({ prompt, step, tools, toolResults }) => {
      // Codex's code mode shows its model one tool, which reaches the others by such names.
      const codeMode = tools.some(({ name, isFreeform }) => name === "exec" && isFreeform) ? "mcp__tides__high_water" : undefined;
      const tool = tools.find(({ name }) => name.includes("high_water"))?.name ?? codeMode;
      if (tool === undefined) return { text: "There is no such tool." };
      const harbour = harbours.find((name) => prompt.includes(name)) ?? "nowhere";
      return step === 0 ? { text: "I ask.", calls: [{ tool, input: { harbour } }] } : { text: `It said: ${toolResults.at(-1)}` };
    },
    { [file]: source },
  );
  const mcpServers = { tides: { command: "node", args: [file, "--of-the-job"], env: {}, secrets: { TIDE_KEY: "MCP_TIDES" } } };
  const digest = createHash("sha256").update(TIDE_KEY).digest("hex").slice(0, 8);
  for (const [index, harbour] of harbours.entries()) {
    const record = await bench.run({ prompt: `When is high water at ${harbour}?`, turn: index + 1, mcpServers, secrets: { MCP_TIDES: TIDE_KEY } });
    const expected = `High water at ${harbour}: 04:12 (--of-the-job; key ${digest})`;
    assert(record.result.status === "done" && record.result.finalText.includes(expected), JSON.stringify(record.result));
    const call = eventsOf(record, "tool-call").find(({ name, input }) => JSON.stringify([name, input]).includes("high_water"));
    assert(call, `its call is told: ${JSON.stringify(eventsOf(record, "tool-call"))}`);
    if (!agent.tellsMcpInput) assert(JSON.stringify(call.input).includes(harbour), `its call is told with its input: ${JSON.stringify(call)}`);
    const told = eventsOf(record, "tool-result").find(({ callId }) => callId === call.callId);
    assert(told?.output.includes(expected) && !told.isError, `its result is told: ${JSON.stringify(told)}`);
    assert.deepEqual(eventsOf(record, "notice"), []);
    assert(!JSON.stringify([record.events, [...record.logs], record.result]).includes(TIDE_KEY), "an event or a log shows the server's secret");
  }
  for (const entry of await readdir(bench.home, { recursive: true, withFileTypes: true }))
    if (entry.isFile()) assert(!(await readFile(join(entry.parentPath, entry.name))).includes(TIDE_KEY), `${entry.name} holds the server's secret`);
}

async function checkImages(open: Open): Promise<void> {
  await using bench = await open({ turns: [{ prompt: "Once more.", steps: [{ text: "Still there." }] }, { steps: [{ text: "I see." }] }] });
  // The first one is longer than many a program's buffer for a line.
  const images = { "1-shot.png": noisePng(260, 260, "shot"), "2-button.png": noisePng(7, 5, "button") };
  const shown = Object.values(images).map((bytes) => bytes.toString("base64"));
  const seen = (): string => JSON.stringify(bench.server.requests.modelCalls().findLast(({ model }) => (model?.tools.length ?? 0) > 0)?.body);
  for (const [turn, prompt, words] of [
    [1, "What is this?", "I see."],
    [2, "Once more.", "Still there."],
  ] as const) {
    const record = await bench.run({ prompt, turn, images });
    assertSaid(record, words);
    assert.deepEqual(eventsOf(record, "notice"), []);
    const places = shown.map((base64) =>
      seen()
        .split(base64)
        .map(({ length }) => length),
    );
    assert.deepEqual(
      places.map(({ length }) => length - 1),
      [1, 1],
      `turn ${turn}: each image is there once, byte for byte`,
    );
    assert((places[0]?.[0] ?? 0) < (places[1]?.[0] ?? 0), "in their order");
  }
}

async function checkTwo(open: Open): Promise<void> {
  const says = (word: string): ScenarioInput => ({ turns: [{ steps: [{ text: word, shell: `echo ${word} > ${word}.txt` }, { text: `Done: ${word}.` }] }] });
  const words = ["harbour", "lighthouse"];
  await using first = await open(says("harbour"));
  await using second = await open(says("lighthouse"));
  const benches = [first, second];
  const records = await Promise.all(benches.map((bench, index) => bench.run({ prompt: `Say ${words[index]}.` })));
  for (const [index, bench] of benches.entries()) {
    const record = records[index];
    assert(record);
    assertSaid(record, `Done: ${words[index]}.`);
    assert((await readdir(bench.workspace)).includes(`${words[index]}.txt`));
    const said = JSON.stringify(bench.server.requests.modelCalls().map(({ body }) => body));
    assert(!said.includes(words[1 - index] ?? ""), "the other's words are in its requests");
  }
}

async function checkDeath(open: Open): Promise<void> {
  await using bench = await open(named("hang"));
  const turn = bench.run();
  await bench.server.requests.nthModelCall(1);
  bench.killAgent();
  assert.equal(outcomeOf(await turn), "BACKEND_FAILED");
}
