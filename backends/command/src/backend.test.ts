import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { conformanceCases } from "@slipway/backend-sdk/conformance";
import { createTestBench, type TestBench, type TurnOptions } from "@slipway/backend-sdk/test-kit";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { commandBackend } from "./backend.ts";

const NODE = process.execPath;
const EVENTS = [
  { as: "session", when: { "/type": "start" }, id: "/session" },
  { as: "message", when: { "/type": "say" }, text: "/text" },
  { as: "message", when: { "/type": "think" }, text: "/text", role: "reasoning" },
  { as: "tool-call", when: { "/type": "call" }, id: "/call/id", name: "/call/name", input: "/call/input" },
  { as: "tool-result", when: { "/type": "result" }, id: "/id", output: "/output", isError: "/exit" },
  { as: "usage", when: { "/type": "end" }, inputTokens: "/usage/in", outputTokens: "/usage/out", costUsd: "/usage/cost" },
  { as: "final", when: { "/type": "end", "/ok": true } },
  { as: "error", when: { "/type": "end", "/ok": false }, message: "/why" },
];
const JSON_LINES = { format: "json-lines", events: EVENTS };

/** An agent of one line of JavaScript; `say(value)` prints a line of JSON, `prompt` is what it was given. */
function script(source: string): string[] {
  const prelude = 'const say = (value) => console.log(JSON.stringify(value)); const prompt = require("node:fs").readFileSync(0, "utf8");';
  return [NODE, "-e", `${prelude} ${source}`.replaceAll("{", "{{").replaceAll("}", "}}")];
}
const agent = (more: Record<string, unknown>) => ({ config: { agent: more } });

const turns = {
  ok: agent({ command: script('say({type:"end",ok:true,usage:{in:1,out:2}})'), output: JSON_LINES }),
  endless: agent({ command: ["sh", "-c", "sleep 600 & wait"] }),
  failing: {
    ...agent({ command: script('say({type:"end",ok:false,why:"HTTP 401"})'), output: JSON_LINES, failures: [{ words: "\\b401\\b", code: "BACKEND_AUTH" }] }),
    code: "BACKEND_AUTH",
  },
  wrongConfigs: [
    { config: {}, field: "agent" },
    { config: { agent: { command: [] } }, field: "agent.command" },
    { config: { agent: { command: ["x", "{prompt}"] } }, field: "agent.prompt" },
    { config: { agent: { command: ["x"], prompt: "argument" } }, field: "agent.command" },
    { config: { agent: { command: ["x", "{token}"] } }, field: "agent.command[1]" },
    { config: { agent: { command: ["x"], env: { "NO NAME": "x" } } }, field: "agent.env.NO NAME" },
    { config: { agent: { command: ["x"], env: { TASK: "{prompt}" } } }, field: "agent.env.TASK" },
    { config: { agent: { command: ["x"], success: { output: "(" } } }, field: "agent.success.output" },
    { config: { agent: { command: ["x"], failures: [{ words: "x", code: "LEASE_LOST" }] } }, field: "agent.failures[0].code" },
    { config: { agent: { command: ["x"], resume: { arguments: ["{session}"] } } }, field: "agent.resume" },
    {
      config: { agent: { command: ["x"], output: { format: "json-lines", events: [{ as: "message", text: "type" }] } } },
      field: "agent.output.events[0].text",
    },
    { config: { agent: { command: ["x", "{imageFile}"] } }, field: "agent.command[1]" },
    { config: { agent: { command: ["x", "{images}"] } }, field: "agent.images" },
    { config: { agent: { command: ["x"], images: { arguments: ["--image"] } } }, field: "agent.images.arguments" },
    { config: { agent: { command: ["x"], limit: {} } }, field: "agent.limit" },
  ],
};
describe("the contract", () => {
  for (const { name, run } of conformanceCases(commandBackend, turns)) test(name, run);
});

let bench: TestBench;
beforeEach(async () => {
  bench = await createTestBench({ "README.md": "# Ship\n" });
});
afterEach(async () => await bench[Symbol.asyncDispose]());

async function play(given: Record<string, unknown>, more: Partial<TurnOptions> = {}, model?: string) {
  return await bench.runTurn(commandBackend, { config: { agent: given, ...(model === undefined ? {} : { model }) }, ...more });
}

describe("images", () => {
  const images = [
    { name: "1 of 2.png", path: "/images/1 of 2.png", type: "image/png" },
    { name: "2.webp", path: "/images/2.webp", type: "image/webp" },
  ] as const;
  const given = { arguments: ["--image", "{imageFile}"] };

  test.each([
    ["behind the others", ["printf", "%s|", "look"], "look|--image|/images/1 of 2.png|--image|/images/2.webp|"],
    ["in their place", ["printf", "%s|", "{images}", "look"], "--image|/images/1 of 2.png|--image|/images/2.webp|look|"],
  ])("stand %s", async (_, command, finalText) => {
    expect((await play({ command, images: given }, { images })).result).toEqual({ status: "done", finalText });
    expect((await play({ command, images: given })).result).toEqual({ status: "done", finalText: "look|" });
  });

  test("go with the first prompt of a conversation, and with each where every turn is one", async () => {
    const more = { command: ["printf", "%s|", "{session}"], images: { arguments: ["{imageFile}"] } };
    const resumed = { ...more, resume: { arguments: ["again"] } };
    await play(resumed, { images });
    expect((await play(resumed, { images, turn: 2 })).result).toMatchObject({ finalText: expect.stringMatching(/^[\w-]+\|again\|$/) });
    expect((await play(more, { images, turn: 2 })).result).toMatchObject({ finalText: expect.stringContaining("2.webp") });
  });

  test("of an agent that says nothing of them are refused with what to do", async () => {
    expect((await play({ command: ["cat"] }, { images })).result).toMatchObject({ status: "failed", failure: { code: "IMAGES_NOT_TAKEN" } });
  });
});

describe("the prompt", () => {
  const PROMPT = 'Mend `it`; $(touch hacked) "ä"\n{token} {{x}}';

  test.each([
    ["stdin", ["cat"]],
    ["argument", ["printf", "%s", "{prompt}"]],
    ["file", ["cat", "{promptFile}"]],
  ])("goes by %s as it is, and no shell reads it", async (prompt, command) => {
    expect((await play({ command, prompt }, { prompt: PROMPT })).result).toEqual({ status: "done", finalText: PROMPT });
    expect(await readdir(bench.workspace)).toEqual(["README.md"]);
    expect(await readdir(join(bench.home, ".slipway")).catch(() => [])).toEqual([]);
  });

  test("of a megabyte goes by stdin and file; as an argument it is refused with what to do", async () => {
    const prompt = "x".repeat(1_048_576);
    for (const given of [{ command: ["wc", "-c"] }, { command: ["wc", "-c", "{promptFile}"], prompt: "file" }])
      expect((await play(given, { prompt })).result).toMatchObject({ finalText: expect.stringContaining("1048576") });
    expect((await play({ command: ["echo", "{prompt}"], prompt: "argument" }, { prompt })).result).toMatchObject({
      failure: { code: "INVALID_CONFIG", details: { field: "agent.prompt" } },
    });
  });
});

test("the way to a model fills arguments and environment; the token is in no argument", async () => {
  const model = { baseUrl: "http://127.0.0.1:9", token: "attempt-token" };
  const command = ["sh", "-c", 'echo "$1 $2 $KEY $URL"; tr "\\0" " " </proc/$$/cmdline', "sh", "{model}", "{baseUrl}"];
  const given = { command, env: { KEY: "{token}", URL: "{gateway}/x" }, provider: "own" };
  const { result } = await play(given, { model }, "small");
  expect(result).toMatchObject({
    status: "done",
    finalText: expect.stringMatching(/^small http:\/\/127\.0\.0\.1:9\/own\/v1 attempt-token http:\/\/127\.0\.0\.1:9\/x\n/),
  });
  expect(result.status === "done" && result.finalText.split("attempt-token")).toHaveLength(2);
  expect((await play(given, {}, "small")).result).toMatchObject({ failure: { code: "GATEWAY_UNAVAILABLE" } });
  expect((await play(given, { model })).result).toMatchObject({ failure: { code: "INVALID_CONFIG", details: { field: "model" } } });
});

test("JSON lines become events, and what is none goes to the log", async () => {
  const source = `say({type:"start",session:"s-1"}); console.log("a word beside"); say({type:"think",text:"hm"}); say({type:"call",call:{id:"1",name:"edit",input:{path:"a"}}});
    console.error("a warning"); say({type:"result",id:"1",output:{lines:2},exit:1}); say({type:"unheard-of"}); say({type:"say",text:"Done \\u0007."});
    say({type:"end",ok:true,usage:{in:10,out:5,cost:0.5}});`;
  const { result, events, logs } = await play({ command: script(source), output: JSON_LINES });
  expect(result).toEqual({ status: "done", finalText: "Done \u0007." });
  expect(events.filter(({ kind }) => kind !== "notice")).toEqual([
    { kind: "message", data: { role: "reasoning", text: "hm" } },
    { kind: "tool-call", data: { callId: "1", name: "edit", input: { path: "a" } } },
    { kind: "tool-result", data: { callId: "1", output: '{"lines":2}', isError: true } },
    { kind: "message", data: { role: "agent", text: "Done \u0007." } },
    { kind: "usage", data: { inputTokens: 10, cachedInputTokens: 0, outputTokens: 5, reasoningTokens: 0, costUsd: 0.5 } },
  ]);
  expect(Object.fromEntries(logs)).toEqual({ stdout: "a word beside\n", stderr: "a warning\n" });
});

describe("success", () => {
  const end = 'say({type:"end",ok:true});';
  test.each([
    ["exit 0 without a final event", { command: script('say({type:"say",text:"hi"})'), output: JSON_LINES }, "BACKEND_FAILED"],
    ["words that are no JSON in place of a final event", { command: script('console.log("{\\"type\\":")'), output: JSON_LINES }, "BACKEND_OUTPUT_INVALID"],
    [
      "a final event with an error beside it",
      { command: script(`say({type:"end",ok:false,why:"out of credit"}); ${end}`), output: JSON_LINES },
      "BACKEND_QUOTA",
    ],
    ["a final event, and an exit code that is none of success", { command: script(`${end} process.exitCode = 3;`), output: JSON_LINES }, "BACKEND_FAILED"],
    ["an exit code, with words on stderr", { command: ["sh", "-c", "echo no credit >&2; exit 1"] }, "BACKEND_QUOTA"],
    ["the gateway's own words", { command: ["sh", "-c", "echo 'BUDGET_EXCEEDED: the job' >&2; exit 1"] }, "BUDGET_EXCEEDED"],
    ["no word that fits", { command: ["echo", "nothing"], success: { output: "^all good$" } }, "BACKEND_FAILED"],
    ["a program that is not there", { command: ["no-such-agent"] }, "BACKEND_NOT_INSTALLED"],
    ["more output than it may", { command: ["yes"], limits: { outputBytes: 100_000 } }, "BACKEND_OUTPUT_INVALID"],
    ["more time than it may", { command: ["sleep", "60"], limits: { timeoutSeconds: 0.2 } }, "AGENT_TIMEOUT"],
  ])("%s is a failure", async (_, given, code) => {
    const failures = [{ words: "credit", code: "BACKEND_QUOTA" }];
    expect((await play({ failures, ...given })).result).toMatchObject({ status: "failed", failure: { code } });
  });

  test.each([
    ["an exit code that is one of success", { command: ["sh", "-c", "echo fine; exit 3"], success: { exitCodes: [0, 3] } }],
    ["a word that fits", { command: ["printf", "so\nAll good\n"], success: { output: "^all good$" } }],
    ["a final event of one that does not exit", { command: script(`${end} setInterval(() => {}, 1000)`), output: JSON_LINES }],
    ["a silent one whose output says nothing", { command: ["sh", "-c", "echo x > made"], output: { format: "none" } }],
  ])("%s is none", { timeout: 15_000 }, async (_, given) => {
    expect((await play(given)).result).toMatchObject({ status: "done" });
  });
});

describe("a conversation", () => {
  test("goes on with the session that the agent named, and an id that could be an option is not believed", async () => {
    const command = [
      ...script('say({type:"start",session:process.argv[2] ?? "s-1"}); say({type:"say",text:process.argv.slice(1).join(" ")}); say({type:"end",ok:true})'),
      "--",
    ];
    const given = { command, output: JSON_LINES, resume: { arguments: ["--resume", "{session}"] } };
    expect((await play(given)).result).toMatchObject({ finalText: "" });
    expect((await play(given, { turn: 2 })).result).toMatchObject({ finalText: "--resume s-1" });
    const evil = { ...given, command: script('say({type:"start",session:"--help"}); say({type:"end",ok:true})') };
    await play(evil);
    const second = await play(given, { turn: 2 });
    expect(second.result.status === "done" && second.result.finalText).not.toContain("--help");
  });

  test("has an id of Slipway's own where the agent takes one; without `resume` every turn is new", async () => {
    const given = { command: ["echo", "{session}", "{turn}"], resume: { arguments: ["again"] } };
    const [first, second] = [await play(given), await play(given, { turn: 2 })];
    const id = first.result.status === "done" ? first.result.finalText.split(" ")[0] : "";
    expect(second.result).toEqual({ status: "done", finalText: `${id} 2 again` });
    await using other = await createTestBench();
    const lost = await other.runTurn(commandBackend, { config: { agent: given }, turn: 2 });
    expect(lost.events).toContainEqual(expect.objectContaining({ kind: "notice" }));
    expect(lost.result).toMatchObject({ finalText: expect.not.stringContaining("again") });
  });
});

test("what it prints plainly is its answer, without colours; a flood is cut at its beginning", async () => {
  expect((await play({ command: ["printf", "\\033[31mred\\033[0m\\r\\nplain\\n"] })).result).toEqual({ status: "done", finalText: "red\nplain" });
  const { result } = await play({ command: [NODE, "-e", 'process.stdout.write("x".repeat(5e6) + " the end")'] });
  expect(result).toMatchObject({ status: "done", finalText: expect.stringMatching(/the end$/) });
  expect(await readFile(join(bench.workspace, "README.md"), "utf8")).toBe("# Ship\n");
});
