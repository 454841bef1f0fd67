import type { RequestPermissionRequest, RequestPermissionResponse } from "@agentclientprotocol/sdk";
import type { CommonSettings } from "./settings.ts";

/** Kinds of tools that neither run anything nor reach outside. */
const FILE_KINDS: ReadonlySet<string> = new Set(["read", "edit", "delete", "move", "search", "think"]);

/** The answer to an agent that asks for leave. Where no option says what the policy says, the request counts as cancelled. */
export function answerTo({ toolCall, options }: RequestPermissionRequest, policy: CommonSettings["permissions"]): RequestPermissionResponse {
  const isAllowed = policy === "allow" || (policy === "edits" && FILE_KINDS.has(toolCall.kind ?? "other"));
  // Once, where that is offered: a leave for ever would outlast the policy of this turn.
  const wanted = isAllowed ? ["allow_once", "allow_always"] : ["reject_once", "reject_always"];
  const option = wanted.map((kind) => options.find((candidate) => candidate.kind === kind)).find((candidate) => candidate !== undefined);
  return { outcome: option ? { outcome: "selected", optionId: option.optionId } : { outcome: "cancelled" } };
}
