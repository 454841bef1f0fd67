import { agentEventSchema } from "@slipway/protocol/events";
import { manifestSchema } from "@slipway/protocol/manifest";
import { turnResultSchema } from "@slipway/protocol/runner-protocol";
import { describe, expect, test } from "vitest";
import type { BackendDefinition } from "./backend.ts";
import { parseBackendConfig } from "./config.ts";
import { toManifest } from "./manifest.ts";
import { createTestBench, type TurnRecord } from "./test-kit.ts";

export interface ConformanceTurns {
  /** A turn that ends well. */
  readonly ok: { readonly config: unknown; readonly prompt?: string };
  /** A turn that does not end by itself; the suite aborts it. */
  readonly endless: { readonly config: unknown; readonly prompt?: string };
  /** A turn that fails, and the code that it must fail with. */
  readonly failing?: { readonly config: unknown; readonly prompt?: string; readonly code: string };
  /** Wrong configurations, each with the field that the error must name. */
  readonly wrongConfigs: ReadonlyArray<{ readonly config: unknown; readonly field: string }>;
}

/** How long an aborted turn may take to end, in ms. */
const ABORT_LIMIT_MS = 1_000;
/** How long the suite listens for events after a turn's end, in ms. */
const AFTERMATH_MS = 50;

/** What every backend must keep. Call it in a test file of the backend. */
export function backendConformance(definition: BackendDefinition, turns: ConformanceTurns): void {
  describe(`backend ${definition.name} keeps the contract`, () => {
    test("its manifest is valid and survives JSON", () => {
      const manifest = JSON.parse(JSON.stringify(toManifest(definition)));
      expect(manifestSchema.parse(manifest)).toEqual(manifest);
      expect(manifest.name).toBe(definition.name);
    });

    test.each([...turns.wrongConfigs])("a wrong configuration names the field $field", ({ config, field }) => {
      expect(() => parseBackendConfig(definition, config)).toThrow(
        expect.objectContaining({ code: "INVALID_CONFIG", message: expect.stringContaining(field), details: expect.objectContaining({ field }) }),
      );
    });

    test("a turn ends done, with valid events and none after the end", async () => {
      await using bench = await createTestBench();
      const record = await bench.runTurn(definition, turns.ok);
      await expectSound(record);
      expect(record.result).toMatchObject({ status: "done" });
    });

    const { failing } = turns;
    test.skipIf(failing === undefined)("a failing turn ends with its code", async () => {
      await using bench = await createTestBench();
      const record = await bench.runTurn(definition, { config: failing?.config, ...(failing?.prompt === undefined ? {} : { prompt: failing.prompt }) });
      await expectSound(record);
      expect(record.result).toMatchObject({ status: "failed", failure: { code: failing?.code } });
    });

    test("an abort ends the turn within a second", async () => {
      await using bench = await createTestBench();
      const controller = new AbortController();
      let abortedAt = 0;
      const timer = setTimeout(() => {
        abortedAt = performance.now();
        controller.abort();
      }, 200);
      const record = await bench.runTurn(definition, { ...turns.endless, signal: controller.signal });
      clearTimeout(timer);
      expect(controller.signal.aborted, "the turn ended before it was aborted").toBe(true);
      expect(performance.now() - abortedAt).toBeLessThan(ABORT_LIMIT_MS);
      expect(record.result).toMatchObject({ status: "failed", failure: { code: "CANCELLED" } });
      await expectSound(record);
    });

    test("a turn that is aborted before it starts ends at once", async () => {
      await using bench = await createTestBench();
      const record = await bench.runTurn(definition, { ...turns.endless, signal: AbortSignal.abort() });
      expect(record.durationMs).toBeLessThan(ABORT_LIMIT_MS);
      expect(record.result).toMatchObject({ status: "failed", failure: { code: "CANCELLED" } });
    });

    test("the probe answers and never throws, even where nothing is installed", async () => {
      await using bench = await createTestBench();
      for (const env of [{ PATH: process.env["PATH"] ?? "" }, { PATH: "/nonexistent" }]) {
        const found = await definition.probe({ home: bench.home, env, signal: AbortSignal.timeout(10_000) });
        expect(found).toMatchObject({ ok: expect.any(Boolean), tried: expect.any(String), found: expect.any(String) });
        if (!found.ok) expect(found.remedy, "a probe that is not ok says what to type").toEqual(expect.any(String));
      }
    });
  });
}

async function expectSound(record: TurnRecord): Promise<void> {
  for (const event of record.events) agentEventSchema.parse(event);
  turnResultSchema.parse(record.result);
  // The absence of something cannot be waited for: a short while is all there is.
  await new Promise((resolve) => setTimeout(resolve, AFTERMATH_MS));
  expect(record.lateCount(), "events after the end of the turn").toBe(0);
}
