import type { ChildProcessWithoutNullStreams } from "node:child_process";
import { createInterface } from "node:readline";
import { z } from "zod";

const messageSchema = z.looseObject({
  id: z.unknown().optional(),
  result: z.looseObject({ sessionId: z.string().optional() }).optional(),
  error: z.unknown().optional(),
});

/** Speaks the least of ACP that makes an agent work, and nothing beside: hello, a session, a prompt. Resolves when the prompt is sent. */
export async function promptOverAcp(child: ChildProcessWithoutNullStreams, cwd: string, text: string): Promise<void> {
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const send = (id: number, method: string, params: unknown): void => void child.stdin.write(`${JSON.stringify({ jsonrpc: "2.0", id, method, params })}\n`);
  const answerTo = async (id: number): Promise<z.output<typeof messageSchema>> => {
    for (;;) {
      const { value, done } = await lines.next();
      if (done) throw new Error("the agent ended before it answered");
      const message = value.startsWith("{") ? messageSchema.parse(JSON.parse(value)) : undefined;
      if (message?.id !== id) continue;
      if (message.error !== undefined) throw new Error(`the agent refused: ${JSON.stringify(message.error)}`);
      return message;
    }
  };
  send(1, "initialize", { protocolVersion: 1, clientCapabilities: { fs: { readTextFile: false, writeTextFile: false }, terminal: false } });
  await answerTo(1);
  send(2, "session/new", { cwd, mcpServers: [] });
  const { result } = await answerTo(2);
  send(3, "session/prompt", { sessionId: result?.sessionId, prompt: [{ type: "text", text }] });
}
