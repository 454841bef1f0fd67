import type { PermissionKind } from "@slipway/protocol/turn-settings";
import type { TurnContext } from "./backend.ts";

/** What an agent asks leave for. */
export interface PermissionRequest {
  readonly kind: PermissionKind;
  /** In words for people, such as the command that it wants to run. */
  readonly text: string;
  /** The tool call that it belongs to. */
  readonly callId?: string | undefined;
}

/** Answers an agent's request by the job's policy, at once, and tells of it in the job's events. Who asks for nothing is never answered: the sandbox confines all alike. */
export function answerPermission(turn: Pick<TurnContext, "permissions" | "emit">, { kind, text, callId }: PermissionRequest): "allow" | "deny" {
  const policy = turn.permissions ?? "allow";
  const isAllowed = policy === "allow" || (policy === "edits" && (kind === "read" || kind === "edit"));
  const answer = isAllowed ? "allowed" : "denied";
  turn.emit({
    kind: "permission",
    data: { asked: kind, text: text.slice(0, 10_000), answer, policy, ...(callId === undefined ? {} : { callId: callId.slice(0, 200) }) },
  });
  return isAllowed ? "allow" : "deny";
}
