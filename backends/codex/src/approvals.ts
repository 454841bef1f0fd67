import type { PermissionRequest } from "@slipway/backend-sdk/permission";
import type { PermissionKind } from "@slipway/protocol/turn-settings";
import { z } from "zod";

/** Answers what Codex asks leave for; `decide` says whether it may. */
export type Decide = (request: PermissionRequest) => "allow" | "deny";

/** Codex's own reading of a command that does nothing but look. */
const LOOKS = new Set(["read", "listFiles", "search"]);
/** Of the programs that look, these arguments do more: they run others, write, or delete. */
const DOES_MORE = /\s-(exec|execdir|ok|okdir|delete|fls|fprint\w*)\b|\s--(pre|hostname-bin|output)\b/;

const commandSchema = z.object({
  itemId: z.string().optional(),
  command: z.string().nullish(),
  reason: z.string().nullish(),
  networkApprovalContext: z.unknown().optional(),
  commandActions: z.array(z.object({ type: z.string() })).nullish(),
});
const fileSchema = z.object({ itemId: z.string().optional(), reason: z.string().nullish(), grantRoot: z.string().nullish() });
const permissionsSchema = z.object({ itemId: z.string().optional(), reason: z.string().nullish(), permissions: z.record(z.string(), z.unknown()) });
const elicitationSchema = z.object({
  serverName: z.string(),
  message: z.string().optional(),
  _meta: z.looseObject({ codex_approval_kind: z.string().optional() }).nullish(),
});

/** The result for a request of Codex; undefined where nobody here can answer it. A request in a form that is not known is denied. */
export function answerRequest(method: string, params: unknown, decide: Decide): object | undefined {
  const ask = (kind: PermissionKind, text: string, callId?: string): "allow" | "deny" => decide({ kind, text, callId });
  switch (method) {
    case "item/commandExecution/requestApproval": {
      const { data } = commandSchema.safeParse(params);
      if (!data) return { decision: "decline" };
      // Where Codex asks at all it asks for these too, which other agents do not.
      if (onlyLooks(data)) return { decision: "accept" };
      const text = data.command ?? data.reason ?? "a command";
      return { decision: ask(data.networkApprovalContext ? "fetch" : "execute", text, data.itemId) === "allow" ? "accept" : "decline" };
    }
    case "item/fileChange/requestApproval": {
      const { data } = fileSchema.safeParse(params);
      if (!data) return { decision: "decline" };
      return { decision: ask("edit", data.reason ?? data.grantRoot ?? "a change of files", data.itemId) === "allow" ? "accept" : "decline" };
    }
    case "item/permissions/requestApproval": {
      const { data } = permissionsSchema.safeParse(params);
      const isAllowed = data !== undefined && ask("other", data.reason ?? JSON.stringify(data.permissions), data.itemId) === "allow";
      return { permissions: isAllowed ? data.permissions : {}, scope: "turn" };
    }
    case "mcpServer/elicitation/request": {
      const { data } = elicitationSchema.safeParse(params);
      // Codex asks for a call of a tool in this way too; a form of the server's own has nobody to fill it in.
      const isCall = data?._meta?.codex_approval_kind === "mcp_tool_call";
      const isAllowed = isCall && ask("other", data?.message ?? `a tool of ${data?.serverName}`) === "allow";
      return { action: isAllowed ? "accept" : "decline", content: isAllowed ? {} : null, _meta: null };
    }
    case "item/tool/requestUserInput":
      // Nobody is there to be asked.
      return { answers: {} };
    default:
      return undefined;
  }
}

function onlyLooks({ command, commandActions, networkApprovalContext }: z.output<typeof commandSchema>): boolean {
  if (!commandActions?.length || networkApprovalContext) return false;
  return commandActions.every(({ type }) => LOOKS.has(type)) && !DOES_MORE.test(command ?? "");
}
