import { createInterface } from "node:readline";

/**
 * Stands for `codex app-server` where a test wants what the real one does not do on demand; `tests/agents/codex` drives that one. `FAKE_CODEX` says what it
 * does, by the method that it is asked for; `answered` is for an answer of ours.
 */
interface Part {
  /** In place of the usual answer. */
  readonly refuse?: string;
  readonly silent?: boolean;
  /** Lines that it prints then. `$PID` is its own, `$ANSWER` what it was answered. */
  readonly say?: readonly string[];
  readonly words?: string;
  readonly exit?: number;
  readonly signal?: NodeJS.Signals;
}

const ANSWERS: Readonly<Record<string, object>> = {
  "thread/start": { thread: { id: "01a21fb4-26f8-7db2-9f53-71f53dabe7f0" } },
  "thread/resume": { thread: { id: "01a21fb4-26f8-7db2-9f53-71f53dabe7f0" } },
  "turn/start": { turn: { id: "turn-1" } },
};

const script = JSON.parse(process.env["FAKE_CODEX"] ?? "{}") as Record<string, Part>;
// A Codex that hears nothing is one that has to be killed.
if (script["deaf"]) setInterval(() => undefined, 60_000);

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

function play({ say = [], words, exit, signal }: Part, answer = ""): void {
  for (const line of say) print(line.replaceAll("$PID", String(process.pid)).replaceAll('"$ANSWER"', JSON.stringify(answer)));
  if (words !== undefined) process.stderr.write(words);
  if (signal) process.kill(process.pid, signal);
  // Only when all of it is out.
  if (exit !== undefined) process.stdout.write("", () => process.exit(exit));
}

for await (const line of createInterface({ input: process.stdin })) {
  const { id, method, result, error } = JSON.parse(line) as { id?: number; method?: string; result?: unknown; error?: unknown };
  const part = script[method ?? "answered"] ?? {};
  if (method !== undefined && id !== undefined && !part.silent) {
    print(JSON.stringify(part.refuse === undefined ? { id, result: ANSWERS[method] ?? {} } : { id, error: { code: -32_603, message: part.refuse } }));
  }
  play(part, JSON.stringify(result ?? error));
}
