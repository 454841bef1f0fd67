import { randomUUID } from "node:crypto";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { AgentProcess } from "@slipway/backend-sdk/agent-process";
import type { TurnContext } from "@slipway/backend-sdk/backend";
import { withDirectGateway } from "@slipway/backend-sdk/direct-environment";
import { findProgram } from "@slipway/backend-sdk/find-program";
import { abortedTurn, failedTurn } from "@slipway/backend-sdk/turn-result";
import type { TurnResult } from "@slipway/protocol/runner-protocol";
import type { Agent, CommandConfig } from "./config.ts";
import { judge } from "./judge.ts";
import { OutputReader } from "./output-reader.ts";
import { sessionFile } from "./session.ts";
import { fill, IMAGES_HOLE, namesIn, type TemplateName } from "./template.ts";

const STDERR_TAIL_CHARACTERS = 8_000;
/** Linux takes no longer argument (MAX_ARG_STRLEN). */
const ARGUMENT_LIMIT_BYTES = 131_071;
/** What is filled in from the way to a model. */
const OF_MODELS: ReadonlySet<string> = new Set(["baseUrl", "gateway", "token"]);

type CommandTurn = TurnContext<CommandConfig>;

/** What a process is started with. */
interface Launch {
  readonly program: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

/** One turn: one process of the program that the configuration names. */
export async function runTurn(turn: CommandTurn): Promise<TurnResult> {
  const { config, home, signal } = turn;
  const { agent } = config;
  if (signal.aborted) return abortedTurn(signal);
  const known = turn.turn > 1 && agent.resume ? await sessionFile.read(home) : undefined;
  if (turn.turn > 1 && agent.resume && !known) notice(turn, "The session of the earlier turns is lost; a new one begins.");
  const session = known?.id ?? randomUUID();
  const promptFile = join(home, `.slipway/command-prompt-${turn.turn}.txt`);
  const launch = await prepare(turn, { session, promptFile, isResumed: known !== undefined });
  if ("status" in launch) return launch;
  try {
    if (agent.prompt === "file") {
      await mkdir(dirname(promptFile), { recursive: true, mode: 0o700 });
      await writeFile(promptFile, turn.prompt, { mode: 0o600 });
    }
    return await runAgent(turn, launch, session);
  } finally {
    await rm(promptFile, { force: true });
  }
}

/** What to start, or why nothing can be. */
async function prepare(
  turn: CommandTurn,
  { session, promptFile, isResumed }: { session: string; promptFile: string; isResumed: boolean },
): Promise<Launch | TurnResult> {
  const { config, model, workspace, home, prompt } = turn;
  const { agent } = config;
  const images = isResumed ? [] : (turn.images ?? []);
  if (images.length > 0 && !agent.images)
    return failedTurn("IMAGES_NOT_TAKEN", "The agent's configuration does not say how it takes images.", {
      ...{ field: "agent.images", backend: "command", hint: "Say it with `images.arguments`, such as [--image, {imageFile}], or submit without --image." },
    });
  const templates = [...agent.command, ...(isResumed ? (agent.resume?.arguments ?? []) : [])];
  const used = new Set([...templates, ...Object.values(agent.env)].flatMap(namesIn));
  if (!model && [...used].some((name) => OF_MODELS.has(name)))
    return failedTurn("GATEWAY_UNAVAILABLE", "The agent's configuration wants a way to a model, and this turn was given none.");
  if (used.has("model") && config.model === undefined)
    return failedTurn("INVALID_CONFIG", "backendConfig of command: model: the agent's configuration uses {model}, and no model is named.", {
      ...{ field: "model", hint: "Name one with --model NAME." },
    });
  const values: Partial<Record<TemplateName, string>> = {
    ...{ prompt, promptFile, session, workspace, home, turn: String(turn.turn) },
    ...(config.model === undefined ? {} : { model: config.model }),
    ...(model ? { gateway: model.baseUrl, baseUrl: `${model.baseUrl}/${agent.provider}/v1`, token: model.token } : {}),
  };
  const ofImages = images.flatMap(({ path }) => (agent.images?.arguments ?? []).map((template) => fill(template, { ...values, imageFile: path })));
  const filled = templates.flatMap((template) => (template === IMAGES_HOLE ? ofImages : [fill(template, values)]));
  const [command = "", ...args] = templates.includes(IMAGES_HOLE) ? filled : [...filled, ...ofImages];
  const long = args.find((arg) => Buffer.byteLength(arg) > ARGUMENT_LIMIT_BYTES || arg.includes("\0"));
  if (long !== undefined)
    return failedTurn(
      "INVALID_CONFIG",
      `The prompt cannot be an argument: it has ${Buffer.byteLength(prompt)} bytes, of ${ARGUMENT_LIMIT_BYTES}, or a zero byte.`,
      {
        ...{ field: "agent.prompt", hint: "Set `prompt` to stdin or file." },
      },
    );
  const program = await findProgram(command, turn.env["PATH"]);
  if (program === undefined) return failedTurn("BACKEND_NOT_INSTALLED", `There is no program ${command} for the agent.`, { field: "agent.command", command });
  const own = Object.fromEntries(Object.entries(agent.env).map(([name, template]) => [name, fill(template, values)]));
  return { program, args, env: { ...(model ? withDirectGateway(turn.env) : turn.env), ...own } };
}

/** Runs the process to its end. */
async function runAgent(turn: CommandTurn, { program, args, env }: Launch, session: string): Promise<TurnResult> {
  const { signal, log, emit, prompt, home, workspace: cwd } = turn;
  const { agent } = turn.config;
  let stderrTail = "";
  let ended: TurnResult | undefined;
  const end = (why: TurnResult): void => {
    ended ??= why;
    running.interrupt();
  };
  const reader = new OutputReader({
    ...{ agent, emit, log },
    onFinal: () => running.expectExit(),
    onTooMuch: () => end(tooMuch(agent)),
  });
  const running = new AgentProcess({
    ...{ program, args, cwd, env },
    input: agent.prompt === "stdin" ? prompt : "",
    onStdout: (chunk) => reader.push(chunk),
    onStderr(chunk) {
      log("stderr", chunk);
      stderrTail = (stderrTail + chunk.toString()).slice(-STDERR_TAIL_CHARACTERS);
    },
  });
  const abort = (): void => running.interrupt();
  signal.addEventListener("abort", abort, { once: true });
  if (signal.aborted) abort();
  const { timeoutSeconds } = agent.limits;
  const timer = timeoutSeconds === undefined ? undefined : setTimeout(() => end(tooLong(timeoutSeconds)), timeoutSeconds * 1_000);
  try {
    const processEnd = await running.ended;
    if (signal.aborted) return abortedTurn(signal);
    reader.end();
    if (agent.resume) await sessionFile.write(home, { id: reader.sessionId ?? session });
    return ended ?? judge(agent, { reader, end: processEnd, stderrTail });
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", abort);
  }
}

function tooMuch({ limits: { outputBytes } }: Agent): TurnResult {
  return failedTurn("BACKEND_OUTPUT_INVALID", `The agent printed more than the ${outputBytes} bytes that it may.`, {
    field: "agent.limits.outputBytes",
    outputBytes,
  });
}

function tooLong(timeoutSeconds: number): TurnResult {
  return failedTurn("AGENT_TIMEOUT", `The agent took longer than the ${timeoutSeconds} s that its configuration allows for a turn.`, {
    ...{ field: "agent.limits.timeoutSeconds", timeoutSeconds },
  });
}

function notice(turn: CommandTurn, text: string): void {
  turn.emit({ kind: "notice", data: { level: "warning", text } });
}
