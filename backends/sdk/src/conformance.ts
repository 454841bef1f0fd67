import assert from "node:assert/strict";
import { SlipwayError } from "@slipway/protocol/errors";
import { agentEventSchema } from "@slipway/protocol/events";
import { manifestSchema } from "@slipway/protocol/manifest";
import { turnResultSchema } from "@slipway/protocol/runner-protocol";
import type { BackendDefinition } from "./backend.ts";
import { parseBackendConfig } from "./config.ts";
import { toManifest } from "./manifest.ts";
import { createTestBench, type TestBench, type TurnOptions, type TurnRecord } from "./test-kit.ts";

/** Turns and configurations of a backend that the suite plays; what an agent answers does not matter to it. */
export interface ConformanceTurns {
  /** A turn that ends well. Where the backend declares `usage` or `plan`, this turn has both to show. */
  readonly ok: Pick<TurnOptions, "config" | "prompt" | "secrets" | "env" | "model">;
  /** A turn that does not end by itself; the suite aborts it. */
  readonly endless: Pick<TurnOptions, "config" | "prompt" | "secrets" | "env" | "model">;
  /** A turn that fails, and the code that it must fail with. */
  readonly failing?: Pick<TurnOptions, "config" | "prompt" | "secrets" | "env" | "model"> & { readonly code: string };
  /** Wrong configurations, each with the field that the error must name. */
  readonly wrongConfigs: ReadonlyArray<{ readonly config: unknown; readonly field: string }>;
}

/** One promise of the contract; `run` rejects with an AssertionError where it is not kept. */
export interface ConformanceCase {
  readonly name: string;
  run(): Promise<void>;
}

/** How long an aborted turn may take to end, in ms. */
const ABORT_LIMIT_MS = 1_000;
/** How long an endless turn runs before it is aborted, in ms. */
const ENDLESS_MS = 200;
/** How long the suite listens for events after a turn's end, in ms. */
const AFTERMATH_MS = 50;
const PROBE_LIMIT_MS = 10_000;

/**
 * What every backend must keep, as cases for any test runner: `for (const { name, run } of conformanceCases(…)) test(name, run)`. Each makes folders of
 * its own and removes them.
 */
export function conformanceCases(definition: BackendDefinition, turns: ConformanceTurns): ConformanceCase[] {
  const { ok, endless, failing, wrongConfigs } = turns;
  return [
    inBench("its manifest is valid and survives JSON", async () => checkManifest(definition)),
    ...wrongConfigs.map(({ config, field }) =>
      inBench(`a wrong configuration names the field ${field}`, async () => checkWrongConfig(definition, config, field)),
    ),
    inBench("a turn ends done, with valid events and none after the end", (bench) => checkOk(definition, bench, ok)),
    ...(definition.capabilities.resume ? [inBench("a second turn goes on in the same home", (bench) => checkResume(definition, bench, ok))] : []),
    ...(failing ? [inBench(`a failing turn ends with its code, ${failing.code}`, (bench) => checkFailing(definition, bench, failing))] : []),
    inBench("an abort ends the turn within a second", (bench) => checkAbort(definition, bench, endless)),
    inBench("a turn that is aborted before it starts ends at once", (bench) => checkEarlyAbort(definition, bench, endless)),
    inBench("the probe answers and never throws, even where nothing is installed", (bench) => checkProbe(definition, bench)),
    ...(definition.warmUp ? [inBench("the warm-up ends when it is aborted", (bench) => checkWarmUp(definition, bench))] : []),
  ];
}

function inBench(name: string, check: (bench: TestBench) => Promise<void>): ConformanceCase {
  return {
    name,
    async run() {
      await using bench = await createTestBench();
      await check(bench);
    },
  };
}

function checkManifest(definition: BackendDefinition): void {
  const manifest: unknown = JSON.parse(JSON.stringify(toManifest(definition)));
  assert.deepEqual(manifestSchema.parse(manifest), manifest);
}

function checkWrongConfig(definition: BackendDefinition, config: unknown, field: string): void {
  try {
    parseBackendConfig(definition, config);
  } catch (error) {
    assert(error instanceof SlipwayError, `it should fail with INVALID_CONFIG, not with ${String(error)}`);
    assert.equal(error.code, "INVALID_CONFIG");
    assert.equal(error.details["field"], field);
    assert(error.message.includes(field), `the message should name ${field}: ${error.message}`);
    return;
  }
  assert.fail("this configuration should have been refused");
}

async function checkOk(definition: BackendDefinition, bench: TestBench, ok: ConformanceTurns["ok"]): Promise<void> {
  const record = await bench.runTurn(definition, ok);
  await checkSound(record);
  assert.equal(record.result.status, "done", JSON.stringify(record.result));
  for (const kind of ["usage", "plan"] as const) {
    if (definition.capabilities[kind])
      assert(
        record.events.some((event) => event.kind === kind),
        `it declares ${kind}, and its turn emitted no such event`,
      );
  }
}

async function checkResume(definition: BackendDefinition, bench: TestBench, ok: ConformanceTurns["ok"]): Promise<void> {
  for (const turn of [1, 2]) {
    const record = await bench.runTurn(definition, { ...ok, turn });
    await checkSound(record);
    assert.equal(record.result.status, "done", `turn ${turn}: ${JSON.stringify(record.result)}`);
  }
}

async function checkFailing(definition: BackendDefinition, bench: TestBench, failing: NonNullable<ConformanceTurns["failing"]>): Promise<void> {
  const { code, ...options } = failing;
  const record = await bench.runTurn(definition, options);
  await checkSound(record);
  assert.equal(codeOf(record), code);
}

async function checkAbort(definition: BackendDefinition, bench: TestBench, endless: ConformanceTurns["endless"]): Promise<void> {
  const controller = new AbortController();
  let abortedAt = Number.NaN;
  const timer = setTimeout(() => {
    abortedAt = performance.now();
    controller.abort();
  }, ENDLESS_MS);
  const record = await bench.runTurn(definition, { ...endless, signal: controller.signal });
  const tookMs = performance.now() - abortedAt;
  clearTimeout(timer);
  assert(controller.signal.aborted, `the turn ended before it was aborted: ${JSON.stringify(record.result)}`);
  assert(tookMs < ABORT_LIMIT_MS, `it ended ${tookMs.toFixed(0)} ms after the abort`);
  assert.equal(codeOf(record), "CANCELLED");
  await checkSound(record);
}

async function checkEarlyAbort(definition: BackendDefinition, bench: TestBench, endless: ConformanceTurns["endless"]): Promise<void> {
  const record = await bench.runTurn(definition, { ...endless, signal: AbortSignal.abort() });
  assert(record.durationMs < ABORT_LIMIT_MS, `it took ${record.durationMs.toFixed(0)} ms`);
  assert.equal(codeOf(record), "CANCELLED");
}

async function checkProbe(definition: BackendDefinition, bench: TestBench): Promise<void> {
  for (const PATH of [process.env["PATH"] ?? "", "/nonexistent"]) {
    const found = await definition.probe({ home: bench.home, env: { PATH }, signal: AbortSignal.timeout(PROBE_LIMIT_MS) });
    assert.deepEqual([typeof found.ok, typeof found.tried, typeof found.found], ["boolean", "string", "string"], JSON.stringify(found));
    if (!found.ok) assert.equal(typeof found.remedy, "string", "a probe that is not ok says what to type");
  }
}

/** Whether it resolves or rejects is all one: the runner gives a failed warm-up up. */
async function checkWarmUp(definition: BackendDefinition, bench: TestBench): Promise<void> {
  const controller = new AbortController();
  const env = { PATH: process.env["PATH"] ?? "", HOME: bench.home };
  const warming = definition.warmUp?.({ home: bench.home, env, signal: controller.signal })?.catch(() => undefined);
  controller.abort();
  const limit = Promise.withResolvers<"late">();
  const timer = setTimeout(() => limit.resolve("late"), ABORT_LIMIT_MS);
  assert.notEqual(await Promise.race([warming, limit.promise]), "late", "it went on for a second after its abort");
  clearTimeout(timer);
}

function codeOf({ result }: TurnRecord): string {
  return result.status === "failed" ? result.failure.code : `no failure, but ${result.status}`;
}

async function checkSound(record: TurnRecord): Promise<void> {
  for (const event of record.events) agentEventSchema.parse(event);
  turnResultSchema.parse(record.result);
  // The absence of something cannot be waited for: a short while is all there is.
  await new Promise((resolve) => setTimeout(resolve, AFTERMATH_MS));
  assert.equal(record.lateCount(), 0, "events after the end of the turn");
}
