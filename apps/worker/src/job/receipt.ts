import type { Receipt, VerifySpec } from "@slipway/protocol/job";
import { setupDigest } from "@slipway/protocol/setup-digest";
import { environmentOf } from "../sandbox/environment.ts";
import type { SandboxProvider } from "../sandbox/sandbox.ts";
import type { GateResult } from "./gates.ts";

/** Exit code of a gate that ran out of time, as timeout(1) of the GNU coreutils reports it. */
const TIMED_OUT_EXIT_CODE = 124;

/** Proof of how one gate ended on the tree of a verify job; a red one is a receipt too. */
export function receiptOf(
  machine: { readonly provider: Pick<SandboxProvider, "kind" | "image">; readonly toolchains: readonly string[] },
  spec: VerifySpec,
  result: GateResult,
): Receipt {
  const { image, digest } = environmentOf(machine.provider, machine.toolchains);
  return {
    tree: spec.tree,
    gate: result.name,
    command: result.command,
    setupDigest: setupDigest(spec.config),
    image,
    environmentDigest: digest,
    exitCode: exitCodeOf(result),
    outputDigest: result.outputDigest,
    durationMs: result.durationMs,
    ...(result.passed || result.silent ? {} : { failureDigest: result.failureDigest }),
    ...(result.coverage ? { coverage: result.coverage } : {}),
    ...(result.flaky ? { flaky: true } : {}),
  };
}

export function exitCodeOf({ exitCode }: Pick<GateResult, "exitCode">): number {
  return exitCode ?? TIMED_OUT_EXIT_CODE;
}
