import { fitsPattern } from "../name-pattern.ts";

/** Tools that the agent itself runs: a call of one comes back to it. https://developers.openai.com/api/docs/guides/tools */
const CLIENT_TOOLS: ReadonlySet<string> = new Set(["function", "custom", "local_shell", "apply_patch"]);

type Json = Readonly<Record<string, unknown>>;

export function isObject(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Whether a tool may stay: it is run by the agent, or the provider's `hostedTools` names it. */
export function isAllowedTool(tool: unknown, hostedTools: readonly string[]): boolean {
  const type = toolType(tool);
  if (CLIENT_TOOLS.has(type)) return true;
  // Without an environment it is the agent's own shell; the others are containers of the vendor.
  if (type === "shell" && isOwnShell(tool)) return true;
  return hostedTools.some((pattern) => fitsPattern(type, pattern));
}

/** The tools that may stay, those inside a namespace too; `removed` gets the types of the others. The same array where all may. */
export function allowedTools(tools: readonly unknown[], hostedTools: readonly string[], removed: Set<string>): readonly unknown[] {
  let changed = false;
  const kept = tools.flatMap((tool) => {
    if (isObject(tool) && tool["type"] === "namespace" && Array.isArray(tool["tools"])) {
      const inside = allowedTools(tool["tools"], hostedTools, removed);
      if (inside === tool["tools"]) return [tool];
      changed = true;
      return inside.length === 0 ? [] : [{ ...tool, tools: inside }];
    }
    if (isAllowedTool(tool, hostedTools)) return [tool];
    removed.add(toolType(tool));
    changed = true;
    return [];
  });
  return changed ? kept : tools;
}

/** The type of a tool that a `tool_choice` demands although it is not allowed; null where it demands none. */
export function demandedTool(choice: unknown, hostedTools: readonly string[]): string | null {
  if (!isObject(choice)) return null;
  if (choice["type"] !== "allowed_tools") return isAllowedTool(choice, hostedTools) ? null : toolType(choice);
  const listed = isObject(choice["allowed_tools"]) ? choice["allowed_tools"]["tools"] : choice["tools"];
  const denied = Array.isArray(listed) ? listed.find((tool) => !isAllowedTool(tool, hostedTools)) : undefined;
  return denied === undefined ? null : toolType(denied);
}

function isOwnShell(tool: unknown): boolean {
  const environment = isObject(tool) ? tool["environment"] : undefined;
  return environment === undefined || environment === null || (isObject(environment) && environment["type"] === "local");
}

function toolType(tool: unknown): string {
  return isObject(tool) && typeof tool["type"] === "string" ? tool["type"].slice(0, 100) : "unknown";
}
