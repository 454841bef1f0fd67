import { createHash } from "node:crypto";
import type { Receipt, VerifySpec } from "@slipway/protocol/job";
import { setupDigest } from "@slipway/protocol/setup-digest";
import type { AttemptContext } from "../attempt/context.ts";
import type { GateResult } from "./gates.ts";

/** Exit code of a gate that ran out of time, as timeout(1) of the GNU coreutils reports it. */
const TIMED_OUT_EXIT_CODE = 124;

/** Proof of how one gate ended on the tree of a verify job; a red one is a receipt too. */
export function receiptOf(context: Pick<AttemptContext, "provider" | "toolchains">, spec: VerifySpec, result: GateResult): Receipt {
  return {
    tree: spec.tree,
    gate: result.name,
    command: result.command,
    setupDigest: setupDigest(spec.config.setup),
    image: context.provider.kind === "bwrap" ? "host" : "none",
    environmentDigest: environmentDigest(context),
    exitCode: result.exitCode ?? TIMED_OUT_EXIT_CODE,
    outputDigest: result.outputDigest,
    durationMs: result.durationMs,
  };
}

/** Digest of the machine as a gate sees it: platform, sandbox kind, Node's version, and the toolchains on PATH. */
export function environmentDigest(context: Pick<AttemptContext, "provider" | "toolchains">): string {
  const { platform, arch, version } = process;
  return sha256(JSON.stringify([platform, arch, context.provider.kind, version, context.toolchains.toSorted(), process.env["PATH"] ?? ""]));
}

function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
