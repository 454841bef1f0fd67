import type { AheadContext, BackendDefinition } from "@slipway/backend-sdk/backend";
import { defineBackend } from "@slipway/backend-sdk/define-backend";
import type { AheadRequest } from "@slipway/protocol/runner-protocol";
import { expect, test } from "vitest";
import { z } from "zod";
import { startAhead } from "./warm-up.ts";

const request: AheadRequest = { type: "ahead", backend: "one", config: { size: 3 }, workspace: "/workspace", home: "/home/agent", env: { PATH: "/bin" } };
const never = new AbortController().signal;

function backendNamed(name: string, starting: (context: AheadContext<{ size: number }>) => Promise<void>): BackendDefinition {
  return defineBackend({
    ...{ name, version: "1.0.0", summary: "For this test.", capabilities: { resume: false, usage: false, plan: false, model: false }, secrets: [] },
    config: z.strictObject({ size: z.int() }),
    probe: async () => ({ ok: true, tried: "nothing", found: "it" }),
    startAhead: starting,
    turn: async () => ({ status: "done", finalText: "" }),
  }) as unknown as BackendDefinition;
}

test("the backend that was named starts its agent with the settings of the last job", async () => {
  const asked: unknown[] = [];
  const backends = [backendNamed("other", async () => void asked.push("other")), backendNamed("one", async ({ signal: _, ...rest }) => void asked.push(rest))];
  expect(await startAhead(backends, Promise.resolve(request), never)).toEqual([]);
  expect(asked).toEqual([{ config: { size: 3 }, workspace: "/workspace", home: "/home/agent", env: { PATH: "/bin" } }]);
});

test("a failure is told, as are settings that do not fit any more", async () => {
  const failing = [backendNamed("one", () => Promise.reject(new Error("no room")))];
  expect(await startAhead(failing, Promise.resolve(request), never)).toEqual([{ backend: "one", reason: "no room" }]);
  const told = await startAhead(failing, Promise.resolve({ ...request, config: { size: "big" } }), never);
  expect(told).toEqual([{ backend: "one", reason: expect.stringContaining("size") }]);
});

test("a turn that comes first ends the waiting for a request that does not come, and what was begun is told of no more", async () => {
  const turn = new AbortController();
  const waiting = startAhead([backendNamed("one", async () => undefined)], new Promise<AheadRequest>(() => undefined), turn.signal);
  turn.abort();
  expect(await waiting).toEqual([]);

  const next = new AbortController();
  const begun = backendNamed("one", async ({ signal }) => {
    next.abort();
    signal.throwIfAborted();
  });
  expect(await startAhead([begun], Promise.resolve(request), next.signal)).toEqual([]);
});
