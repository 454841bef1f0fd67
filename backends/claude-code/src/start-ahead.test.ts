import { chmod, mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createTestBench, type TestBench } from "@slipway/backend-sdk/test-kit";
import { afterEach, expect, test } from "vitest";
import { claudeCodeBackend } from "./backend.ts";
import { residents } from "./claude-process.ts";

/** By a program that is scripted; the matrix starts the real Claude Code ahead, in sandboxes. */

const model = { baseUrl: "http://127.0.0.1:9", token: "token-of-this-test" };
const INIT = '{"type":"system","subtype":"init","session_id":"d9d71365-8344-4cd5-b97d-5ccf9ca76d5d"}';
const RESULT = '{"type":"result","subtype":"success","is_error":false,"num_turns":1,"result":"Done."}';
const CLAIMED = '{"subtype":"success","request_id":"claim","response":{"status":"ok"}}';
const REFUSED = '{"subtype":"error","request_id":"claim","error":"not_a_spare"}';

afterEach(() => residents.endAll());

/** Reads its token first, as Claude Code does, then says of each line what it is; a claim it answers so. */
async function program({ home }: TestBench, answer: string): Promise<string> {
  const path = join(home, "bin/claude");
  await mkdir(join(home, "bin"), { recursive: true });
  const claim = `printf '%s\\n' '{"type":"control_response","response":${answer}}'`;
  await writeFile(
    path,
    `#!/bin/sh
echo "start $*" >> "$HOME/starts.txt"
cat <&3 > "$HOME/token.txt"
while read -r line; do
  printf '%s\\n' "$line" >> "$HOME/lines.txt"
  case "$line" in *claim_session*) ${claim} ;; *) printf '%s\\n' '${INIT}' '${RESULT}' ;; esac
done
`,
  );
  await chmod(path, 0o755);
  return path;
}

async function startAhead({ home, workspace }: TestBench, command: string, modelUrl: string | undefined): Promise<void> {
  const env = { PATH: process.env["PATH"] ?? "", HOME: home };
  await claudeCodeBackend.startAhead?.({
    config: claudeCodeBackend.config.parse({ command }),
    home,
    workspace,
    env,
    modelUrl,
    signal: AbortSignal.timeout(10_000),
  });
}

const fileIn = (bench: TestBench, name: string) => readFile(join(bench.home, name), "utf8");
const startsOf = async (bench: TestBench) => (await fileIn(bench, "starts.txt")).trim().split("\n");

test("it waits for its token, is claimed for the turn's folder with AGENTS.md, and takes the revision too", async () => {
  await using bench = await createTestBench({ "AGENTS.md": "Speak like a harbour master.\n" });
  const command = await program(bench, CLAIMED);
  await startAhead(bench, command, model.baseUrl);
  for (const turn of [1, 2]) {
    const record = await bench.runTurn(claudeCodeBackend, { config: { command }, model, turn, prompt: `Turn ${turn}.`, env: { SLIPWAY_JOB: "job-1" } });
    expect([record.result, record.events]).toEqual([{ status: "done", finalText: "Done." }, []]);
  }
  const starts = await startsOf(bench);
  expect(starts).toEqual([expect.stringContaining("--await-claim")]);
  for (const word of [bench.workspace, "harbour", model.token]) expect(starts[0]).not.toContain(word);
  expect(await fileIn(bench, "token.txt")).toBe(model.token);
  const [claim, ...prompts] = (await fileIn(bench, "lines.txt")).trim().split("\n");
  expect(JSON.parse(claim ?? "")).toMatchObject({
    request: {
      subtype: "claim_session",
      cwd: bench.workspace,
      permission_mode: "bypassPermissions",
      append_system_prompt: expect.stringContaining("harbour master"),
    },
  });
  expect(prompts.map((line) => /Turn \d/.exec(line)?.[0])).toEqual(["Turn 1", "Turn 2"]);
  expect(await fileIn(bench, ".slipway/job-environment.sh")).toBe("export SLIPWAY_JOB='job-1'\n");
});

test("one that cannot be claimed, and one of other settings, gives way to another one", async () => {
  await using bench = await createTestBench();
  const command = await program(bench, REFUSED);
  await startAhead(bench, command, model.baseUrl);
  const record = await bench.runTurn(claudeCodeBackend, { config: { command }, model, prompt: "Go." });
  expect([record.result, record.events]).toEqual([{ status: "done", finalText: "Done." }, []]);
  expect((await startsOf(bench)).map((start) => start.includes("--await-claim"))).toEqual([true, false]);

  await startAhead(bench, command, model.baseUrl);
  const waiting = residents.takeAhead();
  if (waiting) await residents.keepAhead(waiting);
  expect((await bench.runTurn(claudeCodeBackend, { config: { command, model: "claude-haiku-4-5" }, model })).result.status).toBe("done");
  expect(waiting?.isAlive).toBe(false);
});

test("for a turn that may change nothing, and without the model's address, none that was started ahead is used", async () => {
  await using bench = await createTestBench();
  const command = await program(bench, CLAIMED);
  await startAhead(bench, command, undefined);
  expect(residents.takeAhead()).toBeUndefined();
  await startAhead(bench, command, model.baseUrl);
  await bench.runTurn(claudeCodeBackend, { config: { command }, model, readOnly: true });
  expect((await startsOf(bench)).at(-1)).not.toContain("--await-claim");
  expect(residents.takeAhead()).toBeUndefined();
});
