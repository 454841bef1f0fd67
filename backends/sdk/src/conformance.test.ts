import { setTimeout } from "node:timers/promises";
import { expect, test } from "vitest";
import { z } from "zod";
import type { BackendDefinition } from "./backend.ts";
import { conformanceCases } from "./conformance.ts";
import { abortedTurn, failedTurn } from "./turn-result.ts";

const config = z.strictObject({ waitMs: z.int().default(0) });
type Sound = BackendDefinition<typeof config>;

const sound: Sound = {
  name: "sound",
  version: "1.0.0",
  summary: "Keeps the contract.",
  capabilities: { resume: true, usage: false, plan: false, model: false },
  config,
  secrets: [],
  async probe() {
    return { ok: true, tried: "nothing", found: "nothing" };
  },
  async warmUp({ signal }) {
    await setTimeout(600_000, undefined, { signal });
  },
  async turn({ prompt, config: { waitMs }, signal }) {
    await setTimeout(waitMs, undefined, { signal }).catch(() => undefined); // the abort
    return signal.aborted ? abortedTurn(signal) : { status: "done", finalText: prompt };
  },
};
const turns = { ok: { config: {} }, endless: { config: { waitMs: 600_000 } }, wrongConfigs: [{ config: { wiatMs: 1 }, field: "wiatMs" }] };

for (const { name, run } of conformanceCases(sound, turns)) test(`a sound backend: ${name}`, run);

const BROKEN: Record<string, { with: Partial<Sound>; in: string; says: string }> = {
  "usage that is declared and not told": {
    with: { capabilities: { ...sound.capabilities, usage: true } },
    in: "a turn ends done",
    says: "no such event",
  },
  "an agent that does not hear of its abort": {
    with: { turn: async ({ config: { waitMs } }) => await setTimeout(waitMs > 0 ? 3_000 : 0, { status: "done", finalText: "" }) },
    in: "an abort ends the turn within a second",
    says: "ms after the abort",
  },
  "a turn that ends by itself": {
    with: { turn: async () => ({ status: "done", finalText: "" }) },
    in: "an abort ends the turn within a second",
    says: "before it was aborted",
  },
  "an event after the end": {
    with: {
      async turn({ emit }) {
        void setTimeout(10).then(() => emit({ kind: "message", data: { role: "agent", text: "late" } }));
        return { status: "done", finalText: "" };
      },
    },
    in: "a turn ends done",
    says: "after the end",
  },
  "a result that is none": { with: { turn: async () => ({ status: "fine" }) as never }, in: "a turn ends done", says: "status" },
  "a session that does not go on": {
    with: { turn: async (turn) => (turn.turn > 1 ? failedTurn("BACKEND_FAILED", "lost") : await sound.turn(turn)) },
    in: "a second turn",
    says: "lost",
  },
  "a probe that throws": { with: { probe: () => Promise.reject(new Error("no disk")) }, in: "the probe answers", says: "no disk" },
  "a probe that does not say what to type": {
    with: { probe: async () => ({ ok: false, tried: "", found: "" }) },
    in: "the probe answers",
    says: "what to type",
  },
  "a warm-up without an end": { with: { warmUp: () => new Promise(() => undefined) }, in: "the warm-up ends", says: "went on for a second" },
  "a configuration that takes anything": {
    with: { config: config.loose() as unknown as typeof config },
    in: "a wrong configuration",
    says: "should have been refused",
  },
};

test.each(Object.entries(BROKEN))("the suite finds %s", async (_, broken) => {
  const found = conformanceCases({ ...sound, ...broken.with }, turns).find(({ name }) => name.startsWith(broken.in));
  if (!found) throw new Error(`there is no case ${broken.in}`);
  await expect(found.run()).rejects.toThrow(broken.says);
});
