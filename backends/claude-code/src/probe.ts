import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import type { ProbeContext } from "@slipway/backend-sdk/backend";
import type { ProbeResult } from "@slipway/protocol/manifest";
import { ClaudeProcess } from "./claude-process.ts";
import { claudeArguments, claudeEnvironment } from "./command-line.ts";
import { claudeConfigSchema } from "./config.ts";
import { findClaude } from "./executable.ts";
import { CLAUDE_VERSION, INSTALL_COMMAND, isTested } from "./release.ts";
import { TurnReader } from "./turn-reader.ts";

const run = promisify(execFile);

/** Where nobody listens: a rehearsal gets as far as the first request to the model. */
const NO_MODEL = "http://127.0.0.1:9";

/** Whether Claude Code is on PATH, and which release. One that was not tested is told of, and used all the same. */
export async function probe({ env, signal }: ProbeContext): Promise<Omit<ProbeResult, "backend">> {
  const tried = "claude --version";
  try {
    const program = await findClaude("claude", env["PATH"]);
    if (program === undefined) return { ok: false, tried, found: "no claude on PATH", remedy: INSTALL_COMMAND };
    const { stdout } = await run(program, ["--version"], { env: { ...env, DISABLE_AUTOUPDATER: "1" }, signal, killSignal: "SIGKILL" });
    const version = /\d+\.\d+\.\d+\S*/.exec(stdout)?.[0];
    if (version === undefined) throw new Error(`it told no version: ${stdout.slice(0, 200)}`);
    if (isTested(version)) return { ok: true, tried, found: `Claude Code ${version}`, version, program };
    return {
      ...{ ok: true, tried, version, program },
      found: `Claude Code ${version}, which was not tested with Slipway; ${CLAUDE_VERSION} was (${INSTALL_COMMAND})`,
    };
  } catch (error) {
    return { ok: false, tried, found: error instanceof Error ? error.message : String(error), remedy: INSTALL_COMMAND };
  }
}

/** A turn without a model, to its first request: has the program's 380 MB read from disk as far as a turn needs them, which takes a first start seconds. */
export async function warmUp({ home, env, signal }: ProbeContext): Promise<void> {
  const program = await findClaude("claude", env["PATH"]);
  if (program === undefined) return;
  signal.throwIfAborted();
  const configFolder = await mkdtemp(join(home, ".claude-warm-"));
  const config = claudeConfigSchema.parse({});
  const claude = new ClaudeProcess({
    program,
    args: claudeArguments(config, home, undefined, undefined),
    cwd: home,
    env: { ...claudeEnvironment(env, { config, configFolder, model: { baseUrl: NO_MODEL } }), CLAUDE_CODE_MAX_RETRIES: "0" },
    token: "none",
    fingerprint: "",
  });
  const kill = (): void => void claude.kill();
  signal.addEventListener("abort", kill, { once: true });
  try {
    const over = Promise.withResolvers<void>();
    const reader = new TurnReader({
      workspace: home,
      emit: () => undefined,
      log: () => undefined,
      onSession: () => undefined,
      onLife: () => undefined,
      onHeard: () => undefined,
      goesOn: () => false,
      onResult: () => over.resolve(),
      onServers: () => undefined,
      onClaim: () => undefined,
    });
    claude.listen({ onStdout: (chunk) => reader.push(chunk), onStderr: () => undefined });
    claude.prompt("Warm up.", []);
    await Promise.race([over.promise, claude.ended]);
    signal.throwIfAborted();
    if (!reader.result) throw new Error("Claude Code ended before its first request.");
  } finally {
    signal.removeEventListener("abort", kill);
    await claude.kill();
    await rm(configFolder, { recursive: true, force: true, maxRetries: 5 });
  }
}
