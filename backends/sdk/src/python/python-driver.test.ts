import { chmod, mkdir, readFile, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type AgentEvent, agentEventSchema } from "@slipway/protocol/events";
import { expect, test } from "vitest";
import { createTestBench, type TestBench } from "../test-kit.ts";
import { failedTurn } from "../turn-result.ts";
import { parseDriverMessage } from "./driver-messages.ts";
import { findPython } from "./find-python.ts";
import { probePython, readRequirements } from "./probe-python.ts";
import { PythonAgent } from "./python-agent.ts";

/** What real drivers do not do on demand; `tests/agents/miniswe` and `tests/agents/openhands` drive those. A shell plays the Python here. */

const READY = '{"type":"ready","version":"1"}';
const DONE = '{"type":"end","result":{"status":"done","finalText":"Done."}}';

/** A program in place of Python: says these lines when it is given a turn, then goes on with the shell's words. */
async function fakePython(bench: TestBench, lines: readonly string[], then = "", before = `echo '${READY}'`): Promise<string> {
  const path = join(bench.home, "bin/fake-python");
  await mkdir(join(bench.home, "bin"), { recursive: true });
  const turn = `read -r line; printf '%s\\n' "$line" >> ${bench.home}/requests.jsonl\ncat <<'LINES'\n${lines.join("\n")}\nLINES\n${then}`;
  await writeFile(path, `#!/bin/sh\n${before}\n${turn}\n${turn}\n`);
  await chmod(path, 0o755);
  return path;
}

function agentOf(): PythonAgent {
  return new PythonAgent({
    ...{ title: "Fake", driver: join(import.meta.dirname, "driver.py"), pythons: ["fake-python"], installCommand: "pip install fake" },
    failure: ({ type, message }) => failedTurn("BACKEND_FAILED", message, { type }),
  });
}

/** One turn of such an agent; `events` are valid ones. */
async function turnOf(bench: TestBench, agent: PythonAgent, options: { signal?: AbortSignal; turn?: number; onEvent?: () => void } = {}) {
  const events: AgentEvent[] = [];
  const logs: Record<string, string> = {};
  const result = await agent.turn(
    {
      ...{ prompt: "Fix it.", turn: options.turn ?? 1, config: {}, workspace: bench.workspace, home: bench.home, secrets: {} },
      env: { PATH: `${join(bench.home, "bin")}:/usr/bin:/bin`, OPENAI_API_KEY: "planted", https_proxy: "http://proxy:1" },
      signal: options.signal ?? new AbortController().signal,
      emit(event) {
        events.push(agentEventSchema.parse(event));
        options.onEvent?.();
      },
      log(stream, bytes) {
        logs[stream] = (logs[stream] ?? "") + Buffer.from(bytes).toString();
      },
    },
    undefined,
    { token: "t" },
  );
  return { result, events, logs };
}

const message = (text: string): string => JSON.stringify({ type: "event", event: { kind: "message", data: { role: "agent", text } } });

test("a driver is kept for the next turn, and takes what the turn is about on its standard input", async () => {
  await using bench = await createTestBench();
  await fakePython(bench, [message("Hello.\u0000\u2028"), '{"type":"log","stream":"shell","text":"out\\n"}', DONE]);
  const agent = agentOf();
  const first = await turnOf(bench, agent);
  expect(first.result).toEqual({ status: "done", finalText: "Done." });
  expect(first.events).toEqual([{ kind: "message", data: { role: "agent", text: "Hello.\u0000\u2028" } }]);
  expect(first.logs).toEqual({ shell: "out\n" });
  expect((await turnOf(bench, agent, { turn: 2 })).result.status).toBe("done");
  const requests = (await readFile(join(bench.home, "requests.jsonl"), "utf8")).trim().split("\n");
  expect(requests.map((line) => JSON.parse(line))).toMatchObject([
    { type: "turn", turn: 1, prompt: "Fix it.", workspace: bench.workspace, token: "t", env: { OPENAI_API_KEY: "planted", NO_PROXY: "127.0.0.1,localhost" } },
    { type: "turn", turn: 2 },
  ]);
  await agent.endAll();
});

test("one that died while it waited is replaced; one that dies in the middle is told of", async () => {
  await using bench = await createTestBench();
  await fakePython(bench, [DONE], "exit 0");
  const agent = agentOf();
  expect((await turnOf(bench, agent)).result.status).toBe("done");
  expect((await turnOf(bench, agent, { turn: 2 })).result.status).toBe("done");
  await agent.endAll();
  await fakePython(bench, [message("Hm.")], "echo 'out of ideas' >&2; exit 3");
  const { result } = await turnOf(bench, agent);
  expect(result).toMatchObject({ failure: { code: "BACKEND_FAILED", details: { exitCode: 3, stderr: "out of ideas\n" } } });
});

test("one that was kept and dies before its first word on a turn that it had begun is told of: its model may have been asked", async () => {
  await using bench = await createTestBench();
  await fakePython(bench, ['{"type":"begun"}', DONE], 'read -r line; echo \'{"type":"begun"}\'; exit 137');
  const agent = agentOf();
  expect((await turnOf(bench, agent)).result.status).toBe("done");
  expect((await turnOf(bench, agent, { turn: 2 })).result).toMatchObject({ failure: { code: "BACKEND_FAILED", details: { exitCode: 137 } } });
  const requests = (await readFile(join(bench.home, "requests.jsonl"), "utf8")).trim().split("\n");
  expect(requests).toHaveLength(1);
});

test("a Python without the agent, one that is not there, and one that cannot run are BACKEND_NOT_INSTALLED", async () => {
  await using bench = await createTestBench();
  const notInstalled = { failure: { code: "BACKEND_NOT_INSTALLED", details: { remedy: "pip install fake" } } };
  expect((await turnOf(bench, agentOf())).result).toMatchObject(notInstalled);
  const path = await fakePython(bench, [], "", `echo '{"type":"unavailable","message":"No module named litellm"}'; exit 1`);
  const { result } = await turnOf(bench, agentOf());
  expect(result).toMatchObject(notInstalled);
  expect(JSON.stringify(result)).toContain("No module named litellm");
  await writeFile(path, "#!/nonexistent/interpreter\n");
  expect((await turnOf(bench, agentOf())).result).toMatchObject(notInstalled);
});

test("an abort ends it within a second, deaf as it may be", async () => {
  await using bench = await createTestBench();
  await fakePython(bench, [message("ready")], "trap '' INT; while :; do sleep 60; done");
  const cancel = new AbortController();
  let abortedAt = Number.NaN;
  const onEvent = (): void => {
    abortedAt = performance.now();
    cancel.abort();
  };
  const { result } = await turnOf(bench, agentOf(), { signal: cancel.signal, onEvent });
  expect(result).toMatchObject({ failure: { code: "CANCELLED" } });
  expect(performance.now() - abortedAt).toBeLessThan(1_000);
});

test("what is no message goes to the log, with one notice; a line of ten megabytes and one that is cut short do no harm", async () => {
  await using bench = await createTestBench();
  const long = "head -c 20000000 /dev/zero | tr '\\0' 'x'; echo";
  await fakePython(
    bench,
    ["Loading…", '{"type":"event","event":{"kind":"message","data":{"role":"agent","te', '{"type":"hologram"}', "null"],
    `${long}\necho '${DONE}'`,
  );
  const { result, events, logs } = await turnOf(bench, agentOf());
  expect(result.status).toBe("done");
  expect(events).toEqual([{ kind: "notice", data: { level: "warning", text: expect.stringContaining("no message") } }]);
  expect(logs["stdout"]).toMatch(/^Loading…\n.*hologram.*null\n\(a line of more than 16777216 bytes\)\n$/s);
});

test.each([
  "",
  "null",
  "7",
  "[]",
  '{"type":"event"}',
  '{"type":"event","event":{"kind":"usage","data":{"inputTokens":-1}}}',
  '{"type":"end","result":{"status":"fine"}}',
  '{"type":"toString"}',
  '{"type":"log","stream":7,"text":""}',
])("%s is no message", (line) => expect(parseDriverMessage(line)).toBeUndefined());

test("every beginning of a message is none, and the whole is one", () => {
  const line = '{"type":"end","result":{"status":"failed","error":{"type":"Timeout","message":"too late ä","httpStatus":408}}}';
  for (let length = 0; length < line.length; length += 1) expect(parseDriverMessage(line.slice(0, length))).toBeUndefined();
  expect(parseDriverMessage(line)).toMatchObject({ type: "end", result: { error: { type: "Timeout", causes: [] } } });
});

test("a link into a virtual environment is followed to there, and no further", async () => {
  await using bench = await createTestBench({ "venv/pyvenv.cfg": "", "bin/other": "#!/bin/sh\n" });
  const at = (path: string): string => join(bench.workspace, path);
  await mkdir(at("venv/bin"));
  await chmod(at("bin/other"), 0o755);
  await symlink("/bin/sh", at("venv/bin/python"));
  await symlink("../venv/bin/python", at("bin/mine"));
  await symlink("circle", at("bin/circle"));
  expect(await findPython(["missing", "circle", "mine"], at("bin"))).toBe(at("venv/bin/python"));
  expect(await findPython(["other"], at("bin"))).toBe(at("bin/other"));
  expect(await findPython(["missing"], at("bin"))).toBeUndefined();
});

test("the probe says what is there, and what to type where it is not", async () => {
  await using bench = await createTestBench({ "requirements.txt": "# why\none==1\n\ntwo==2 # and why\n" });
  expect(readRequirements(join(bench.workspace, "requirements.txt"))).toEqual(["one==1", "two==2"]);
  const wanted = { title: "Fake", packageName: "fake", testedVersion: "1.2.3", pythons: ["fake-python"], installCommand: "pip install fake" };
  const probe = (isTested = true) =>
    probePython(
      { ...wanted, isTested: () => isTested },
      { home: bench.home, env: { PATH: `${join(bench.home, "bin")}:/usr/bin:/bin` }, signal: AbortSignal.timeout(5_000) },
    );
  expect(await probe()).toMatchObject({ ok: false, found: "no fake-python on PATH", remedy: "pip install fake" });
  const path = await fakePython(bench, []);
  await writeFile(path, "#!/bin/sh\nprintf '3.13.5\\n1.2.4\\n'\n");
  expect(await probe()).toMatchObject({ ok: true, found: `Fake 1.2.4 in ${path} (Python 3.13.5)` });
  expect(await probe(false)).toMatchObject({ ok: true, found: expect.stringContaining("1.2.3 was (pip install fake)") });
  await writeFile(path, "#!/bin/sh\necho 'importlib.metadata.PackageNotFoundError: fake' >&2; exit 1\n");
  expect(await probe()).toMatchObject({ ok: false, found: `${path} has no fake`, remedy: "pip install fake" });
});
