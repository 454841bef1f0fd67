import { type AgentEvent, agentEventSchema } from "@slipway/protocol/events";
import { PERMISSION_KINDS, type PermissionPolicy } from "@slipway/protocol/turn-settings";
import { expect, test } from "vitest";
import { answerPermission } from "./permission.ts";

test.each([
  [undefined, ["read", "edit", "execute", "fetch", "other"]],
  ["allow", ["read", "edit", "execute", "fetch", "other"]],
  ["edits", ["read", "edit"]],
  ["deny", []],
] as Array<[PermissionPolicy | undefined, string[]]>)("the policy %s allows %j, and every answer is an event", (permissions, allowed) => {
  const events: AgentEvent[] = [];
  const turn = { ...(permissions === undefined ? {} : { permissions }), emit: (event: AgentEvent) => void events.push(event) };
  const answers = PERMISSION_KINDS.filter((kind) => answerPermission(turn, { kind, text: "x".repeat(20_000), callId: "1" }) === "allow");
  expect(answers).toEqual(allowed);
  expect(events.map((event) => agentEventSchema.parse(event).kind)).toEqual(PERMISSION_KINDS.map(() => "permission"));
  expect(events.flatMap(({ kind, data }) => (kind === "permission" && data.answer === "allowed" ? [data.asked] : []))).toEqual(allowed);
});
