/**
 * An agent for tests, made with the SDK's own agent side and started as a process: what it does stands in the prompt, as JSON. It calls no model unless it is
 * told to.
 */
import { appendFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { Readable, Writable } from "node:stream";
import { setTimeout as delay } from "node:timers/promises";
import {
  agent,
  methods,
  ndJsonStream,
  type PermissionOption,
  PROTOCOL_VERSION,
  RequestError,
  type StopReason,
  type ToolCallUpdate,
} from "@agentclientprotocol/sdk";

/** What a prompt has the agent do, in this order. */
interface Orders {
  readonly updates?: readonly unknown[];
  /** Lines that are written to standard output as they stand. */
  readonly raw?: readonly string[];
  /** A message of this many characters, in one line. */
  readonly flood?: number;
  /** Tells of the images of the prompt, as a message. */
  readonly tellImages?: boolean;
  readonly stderr?: string;
  /** Asks for leave to call a tool of this kind, and tells the answer as a message. */
  readonly askFor?: "edit" | "execute";
  /** How often the model is called. */
  readonly modelCalls?: number;
  readonly error?: { readonly code: number; readonly message: string; readonly data?: unknown };
  readonly exit?: number;
  readonly hang?: boolean;
  readonly stopReason?: string;
}

const [, , resumable = "new", url = "", key = ""] = [...process.argv.slice(0, 3), process.env["FAKE_MODEL_URL"], process.env["FAKE_KEY"]];
/** A file that tells the folders of its sessions. */
const sessions = process.env["FAKE_SESSIONS"];
const cancelled = Promise.withResolvers<"cancelled">();

if (resumable === "mute") createInterface({ input: process.stdin }).resume();
else {
  agent({ name: "fake" })
    .onRequest(methods.agent.initialize, () => ({
      protocolVersion: PROTOCOL_VERSION,
      agentCapabilities: {
        loadSession: resumable === "load",
        promptCapabilities: { image: resumable !== "blind" },
        ...(resumable === "resume" ? { sessionCapabilities: { resume: {} } } : {}),
      },
    }))
    .onRequest(methods.agent.session.new, ({ params }) => {
      if (sessions !== undefined) appendFileSync(sessions, `${params.cwd}\n`);
      return { sessionId: `session-${process.pid}` };
    })
    .onRequest(methods.agent.session.resume, () => ({}))
    .onRequest(methods.agent.session.load, async ({ params, client }) => {
      await client.notify(methods.client.session.update, { sessionId: params.sessionId, update: chunk("told before") });
      return {};
    })
    .onRequest(methods.agent.session.setMode, () => ({}))
    .onNotification(methods.agent.session.cancel, () => cancelled.resolve("cancelled"))
    .onRequest(methods.agent.session.prompt, async ({ params, client }) => {
      const [block] = params.prompt;
      const text = block?.type === "text" ? block.text : "";
      const orders = JSON.parse(text.slice(text.indexOf("{"), text.lastIndexOf("}") + 1)) as Orders;
      const { sessionId } = params;
      const say = async (update: unknown): Promise<void> => await client.notify(methods.client.session.update, { sessionId, update } as never);
      for (const update of orders.updates ?? []) await say(update);
      for (const line of orders.raw ?? []) process.stdout.write(`${line}\n`);
      if (orders.flood !== undefined) await say(chunk("x".repeat(orders.flood)));
      const images = params.prompt.flatMap((one) => (one.type === "image" ? [`${one.mimeType} ${one.data}`] : []));
      if (orders.tellImages) await say(chunk(images.join("\n")));
      if (orders.stderr !== undefined) process.stderr.write(orders.stderr);
      if (orders.askFor) {
        const toolCall: ToolCallUpdate = { toolCallId: "asked", title: "Do it", kind: orders.askFor, rawInput: { path: "a.txt" } };
        const options: PermissionOption[] = (["allow_once", "reject_once"] as const).map((kind) => ({ optionId: kind, name: kind, kind }));
        const { outcome } = await client.request(methods.client.session.requestPermission, { sessionId, toolCall, options });
        await say(chunk(outcome.outcome === "selected" ? outcome.optionId : outcome.outcome));
      }
      for (let call = 0; call < (orders.modelCalls ?? 0); call += 1) await callModel();
      if (orders.exit !== undefined) process.exit(orders.exit);
      if (orders.error) throw new RequestError(orders.error.code, orders.error.message, orders.error.data);
      if (orders.hang) return { stopReason: await cancelled.promise };
      return { stopReason: (orders.stopReason ?? "end_turn") as StopReason };
    })
    .connect(ndJsonStream(Writable.toWeb(process.stdout), Readable.toWeb(process.stdin) as ReadableStream<Uint8Array>));
}

function chunk(text: string) {
  return { sessionUpdate: "agent_message_chunk" as const, content: { type: "text" as const, text } };
}

/** As an agent does that thinks little of failures. */
async function callModel(): Promise<void> {
  const body = JSON.stringify({ model: "scripted", messages: [{ role: "user", content: "Hello" }], tools: [] });
  const answer = await fetch(`${url}/chat/completions`, { method: "POST", headers: { authorization: `Bearer ${key}` }, body });
  await answer.text().catch(() => undefined); // broken off: the next call comes all the same
  await delay(1);
}
