import type { RequestPermissionRequest, RequestPermissionResponse } from "@agentclientprotocol/sdk";
import type { PermissionKind, PermissionPolicy } from "@slipway/protocol/turn-settings";

/** From the laxest to the strictest. */
const BY_STRICTNESS: readonly PermissionPolicy[] = ["allow", "edits", "deny"];

/** ACP's kinds of tools; https://agentclientprotocol.com/protocol/tool-calls. */
const KINDS: Readonly<Record<string, PermissionKind>> = {
  read: "read",
  search: "read",
  think: "read",
  edit: "edit",
  delete: "edit",
  move: "edit",
  execute: "execute",
  fetch: "fetch",
};

/** What a tool of this kind asks leave for. */
export function permissionKind(kind: string | null | undefined): PermissionKind {
  return KINDS[kind ?? ""] ?? "other";
}

/** Of the job's policy and that of its `backendConfig` the stricter one holds. */
export function strictest(first: PermissionPolicy, second: PermissionPolicy | undefined): PermissionPolicy {
  return BY_STRICTNESS[Math.max(BY_STRICTNESS.indexOf(first), BY_STRICTNESS.indexOf(second ?? "allow"))] ?? "deny";
}

/** The answer to an agent that asks for leave. Where no option says what was decided, the request counts as cancelled. */
export function answerTo({ options }: RequestPermissionRequest, decision: "allow" | "deny"): RequestPermissionResponse {
  // Once, where that is offered: a leave for ever would outlast the policy of this turn.
  const wanted = decision === "allow" ? ["allow_once", "allow_always"] : ["reject_once", "reject_always"];
  const option = wanted.map((kind) => options.find((candidate) => candidate.kind === kind)).find((candidate) => candidate !== undefined);
  return { outcome: option ? { outcome: "selected", optionId: option.optionId } : { outcome: "cancelled" } };
}
