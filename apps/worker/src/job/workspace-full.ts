import { roomOfLayer } from "@slipway/git/bases/workspace-layer";
import { type ErrorCode, SlipwayError, toSlipwayError } from "@slipway/protocol/errors";
import type { AttemptContext } from "../attempt/context.ts";

/** Failures behind which a write may stand that found no room. */
const MAY_BE_FOR_WANT_OF_ROOM: ReadonlySet<ErrorCode> = new Set([
  ...(["BACKEND_FAILED", "BACKEND_OUTPUT_INVALID", "AGENT_STALLED", "SETUP_FAILED", "GATES_FAILED", "COMMIT_INVALID"] as const),
]);

/** DISK_FULL with its figures, where the workspace has a limit and has reached it; else undefined. */
export async function workspaceFull(context: Pick<AttemptContext, "shared">, more: Record<string, unknown> = {}): Promise<SlipwayError | undefined> {
  const { shared } = context;
  const room = shared?.disk ? await roomOfLayer(shared.layer) : undefined;
  if (!room?.isFull) return undefined;
  const { limitBytes, usedBytes } = room;
  const message = `The workspace is full: ${mebibytes(usedBytes)} of ${mebibytes(limitBytes)} MiB are used.`;
  return new SlipwayError("DISK_FULL", message, {
    limitBytes,
    usedBytes,
    ...more,
    hint: "Raise the worker's SLIPWAY_WORKSPACE_LIMIT, or have the job write less.",
  });
}

/** The failure of an attempt, or DISK_FULL where that is what stands behind it. */
export async function orWorkspaceFull(context: Pick<AttemptContext, "shared">, error: unknown): Promise<unknown> {
  const { code, message } = toSlipwayError(error);
  if (!MAY_BE_FOR_WANT_OF_ROOM.has(code)) return error;
  return (await workspaceFull(context, { failure: { code, message: message.slice(0, 2_000) } })) ?? error;
}

function mebibytes(bytes: number): number {
  return Math.floor(bytes / 1_048_576);
}
