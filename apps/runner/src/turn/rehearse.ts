import { randomBytes } from "node:crypto";
import type { BackendDefinition } from "@slipway/backend-sdk/backend";
import { defineBackend } from "@slipway/backend-sdk/define-backend";
import type { TurnRequest } from "@slipway/protocol/runner-protocol";
import { z } from "zod";
import { runTurn, type TurnDeps } from "./run-turn.ts";

const LIMIT_MS = 10_000;

const nobody = defineBackend({
  name: "rehearsal",
  version: "1.0.0",
  summary: "Says one of everything, and does nothing.",
  capabilities: { resume: true, usage: true, plan: true, model: false },
  config: z.strictObject({ value: z.string() }),
  secrets: [],
  probe: async () => ({ ok: true, tried: "", found: "" }),
  async turn({ emit, log }) {
    emit({ kind: "message", data: { role: "agent", text: "message" } });
    emit({ kind: "tool-call", data: { callId: "1", name: "tool", input: {} } });
    emit({ kind: "tool-result", data: { callId: "1", output: "", isError: false } });
    emit({ kind: "usage", data: { inputTokens: 1, cachedInputTokens: 0, outputTokens: 1, reasoningTokens: 0, costUsd: 0 } });
    log("stdout", Buffer.from("line\n"));
    return { status: "done", finalText: "done" };
  },
});

/** Runs a turn that nobody hears of: the code of a turn, its schemas and the patterns of secrets are slow the first time they run, and an agent would wait for it. */
export async function rehearse(signal: AbortSignal): Promise<void> {
  const request: TurnRequest = {
    type: "turn",
    turnId: "rehearsal",
    turn: 1,
    backend: nobody.name,
    config: { value: "" },
    prompt: "",
    workspace: "/",
    home: "/",
    env: {},
    secrets: { SECRET: randomBytes(12).toString("hex") },
    timeoutMs: LIMIT_MS,
    stallMs: LIMIT_MS,
  };
  const unused = (): never => {
    throw new TypeError("a rehearsal reaches nothing");
  };
  const deps: TurnDeps = {
    loadBackend: async () => nobody as unknown as BackendDefinition,
    modelPort: { open: unused, lost: undefined },
    egressPort: { open: unused },
    emit: () => {},
    killOthers: () => {},
    streamOffsets: new Map(),
    extraEnv: {},
    stray: new Promise(() => {}),
  };
  await runTurn(request, signal, deps);
}
