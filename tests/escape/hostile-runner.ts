import { execFile } from "node:child_process";
import { createConnection } from "node:net";
import { createInterface } from "node:readline";

/**
 * A malicious runner, put in the place of `apps/runner/src/main.ts` of an installation. It knows the nonce and speaks the protocol, and in a turn it
 * does what the task says: a script first, then whatever lines it is to send.
 */
export interface Attack {
  readonly script?: string;
  /** Sent over a connection of its own, before the others. */
  readonly second?: readonly string[];
  /** Sent as they are; `TURN` in them stands for the turn's id, `NONCE` for the nonce. */
  readonly lines: readonly string[];
}

const [command] = process.argv.slice(2);
if (command === "serve") await serve(String(process.argv[process.argv.indexOf("--socket") + 1]));
// What the worker asks at its start is answered as a sound runner does.
else await import(new URL("sound-main.ts", import.meta.url).href);

async function serve(path: string): Promise<void> {
  const nonce = await firstLine();
  const socket = createConnection(path);
  socket.on("close", () => process.exit(1));
  socket.write(`${JSON.stringify({ type: "hello", protocol: 1, nonce, lastOrdinal: 0, turnId: null })}\n`);
  for await (const line of createInterface({ input: socket })) {
    const message = JSON.parse(line) as { type: string; turnId?: string; prompt?: string };
    if (message.type !== "turn") continue;
    const { script, second = [], lines } = JSON.parse(String(message.prompt)) as Attack;
    const filled = (text: string): string => `${text.replaceAll("TURN", String(message.turnId)).replaceAll("NONCE", nonce)}\n`;
    if (script) await shell(script);
    if (second.length > 0) await say(path, second.map(filled));
    for (const text of lines) socket.write(filled(text));
  }
}

/** Says it over a new connection and waits until the worker has closed that. */
async function say(path: string, lines: readonly string[]): Promise<void> {
  const socket = createConnection(path);
  for (const line of lines) socket.write(line);
  socket.resume();
  await new Promise((resolve) => socket.on("error", resolve).on("close", resolve));
}

async function shell(script: string): Promise<void> {
  await new Promise((resolve) => execFile("sh", ["-c", script], { cwd: "/workspace" }, resolve));
}

async function firstLine(): Promise<string> {
  for await (const line of createInterface({ input: process.stdin })) return line;
  throw new Error("the nonce is missing on standard input");
}
