import type { WorkerRepository } from "@slipway/git/repository";
import { NAMED_CHECKS } from "@slipway/protocol/acceptance";
import { toSlipwayError } from "@slipway/protocol/errors";
import type { EarlierChange } from "@slipway/protocol/job";
import type { AttemptContext } from "../attempt/context.ts";
import type { Judgement } from "./checks.ts";
import { pushOnce } from "./push.ts";

/** Of the journal's step that holds which of them are on the hub: an `EarlierChange[]`. */
export const EARLIER_STEP = "earlier-changes";
/** The newest of them: so many may be told of. */
const LIMIT = 20;
/** They are worth one try, and no wait for a hub that is away; in ms. */
const PUSH_LIMIT_MS = 30_000;

/**
 * Puts the changes that were sent back beside the attempt's last one, so that people can see what became of them. They are commits that were made and checked like any
 * other. One in which a secret was found stays here. Never rejects, and costs no attempt its result: what could not be pushed is left out, which is logged.
 */
export async function pushEarlierChanges(
  context: AttemptContext,
  repository: WorkerRepository,
  { refused, limitMs, signal }: { readonly refused: readonly Judgement[]; readonly limitMs: number; readonly signal: AbortSignal },
): Promise<void> {
  const wanted = refused
    .map(({ change, refusals }, index): EarlierChange => ({ number: index + 1, oid: change.oid, refusedBy: refusals.map(({ check }) => check) }))
    .filter(({ refusedBy }) => !refusedBy.some((check) => (NAMED_CHECKS as readonly string[]).includes(check)))
    .slice(-LIMIT);
  if (wanted.length === 0) return;
  try {
    await context.journal.step(EARLIER_STEP, async () => {
      const pushed = await Promise.all(wanted.map(async (change) => ((await push(context, repository, change, limitMs, signal)) ? [change] : [])));
      return pushed.flat();
    });
  } catch (error) {
    context.log.warn({ err: error }, "the attempt's earlier changes are not told of");
  }
}

async function push(
  context: AttemptContext,
  repository: WorkerRepository,
  { number, oid }: EarlierChange,
  limitMs: number,
  signal: AbortSignal,
): Promise<boolean> {
  try {
    const limited = AbortSignal.any([signal, AbortSignal.timeout(Math.min(limitMs, PUSH_LIMIT_MS))]);
    await pushOnce(context, repository, oid, refOf(context, number), limited);
    return true;
  } catch (error) {
    context.log.warn({ code: toSlipwayError(error).code, number }, "an earlier change of the attempt could not be pushed");
    return false;
  }
}

/** Below those of its job, beside its own. */
function refOf({ claim }: AttemptContext, number: number): string {
  return `${claim.hub.pushRef.replace(/[0-9]+$/, "changes/$&")}/${number}`;
}
