import type { WorkerRepository } from "@slipway/git/repository";
import { type Gate, needsOf, someGates } from "@slipway/protocol/gates";
import type { RepositoryConfig } from "@slipway/protocol/repository-config";
import type { AttemptContext } from "../attempt/context.ts";
import type { Sandbox } from "../sandbox/sandbox.ts";
import { inCleanCheckout } from "./clean-checkout.ts";
import { type Deadline, monotonicMs } from "./deadline.ts";
import { inGateOrder } from "./gate-order.ts";
import { GATE_SHAPE, type GateResult, measure } from "./gates.ts";
import type { WorkspaceSource } from "./prepare.ts";

/** The commit that a change is held against, and the rules that hold for it. */
export interface Base {
  readonly repository: WorkerRepository;
  readonly source: WorkspaceSource;
  readonly config: RepositoryConfig;
  readonly deadline: Deadline;
}

/** Output of a setup that ran for this alone. */
const BASE_SETUP_LOG = { artifact: "base-setup.log", stream: "base:setup" } as const;

/**
 * Runs gates on a clean checkout of the base, in a place and a sandbox of their own that no agent has seen, and before them those that ran before them on the
 * change: a gate may need what an earlier one left. Answers those that ended by themselves within the time. SETUP_FAILED, OUT_OF_MEMORY, PROCESS_LIMIT,
 * WORKSPACE_FAILED, SANDBOX_UNAVAILABLE.
 */
export async function runOnBase(
  context: AttemptContext,
  { repository, source, config, deadline }: Base,
  { wanted, ran, limitMs }: { readonly wanted: ReadonlySet<string>; readonly ran: ReadonlySet<string>; readonly limitMs: number },
): Promise<GateResult[]> {
  const endMs = monotonicMs() + limitMs;
  const checkout = { repository, source, setupSource: source, config, deadline, setupLog: BASE_SETUP_LOG };
  return await inCleanCheckout(context, checkout, (sandbox) => runAll(context, sandbox, config, { gates: gatesFor(config.gates, wanted, ran), endMs }));
}

/** In the order of the file up to the last one that is wanted, and what those need. */
function gatesFor(gates: readonly Gate[], wanted: ReadonlySet<string>, ran: ReadonlySet<string>): Gate[] {
  const last = gates.findLastIndex(({ name }) => wanted.has(name));
  const names = new Set(gates.slice(0, last + 1).flatMap(({ name }) => (ran.has(name) ? [name] : [])));
  const open = [...names];
  for (let name = open.pop(); name !== undefined; name = open.pop()) {
    for (const need of needsOf(gates, name)) {
      if (names.has(need) || !ran.has(need)) continue;
      names.add(need);
      open.push(need);
    }
  }
  return someGates(gates, names);
}

async function runAll(
  context: AttemptContext,
  sandbox: Sandbox,
  { egress }: RepositoryConfig,
  { gates, endMs }: { readonly gates: readonly Gate[]; readonly endMs: number },
): Promise<GateResult[]> {
  let left = gates.length;
  const cut = new Set<string>();
  const run = async (gate: Gate): Promise<GateResult> => {
    left -= 1;
    if (left > 0) sandbox.expect?.(GATE_SHAPE);
    const ownMs = gate.timeoutSeconds * 1_000;
    const leftMs = (): number => Math.max(1, Math.floor(Math.min(ownMs, endMs - monotonicMs())));
    const result = await measure(context, sandbox, { gate, round: 0, egress: egress.gates, aside: "base" }, leftMs);
    // It says nothing of the gate that the attempt had no more time for it.
    if (result.timedOut && monotonicMs() >= endMs) cut.add(gate.name);
    return result;
  };
  const { results } = await inGateOrder(gates, { run, passed: ({ passed, name }) => passed && !cut.has(name) });
  return results.filter(({ name }) => !cut.has(name));
}
