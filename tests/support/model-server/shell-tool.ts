import { callIdOf } from "./call-ids.ts";
import type { AnswerItem, ModelRequest, ModelTool } from "./protocol.ts";

type Call = Extract<AnswerItem, { kind: "call" }>;

/** Names that agents give their shell tool, the more telling ones first. */
const SHELL_NAMES = [
  "exec_command",
  "shell_command",
  "shell",
  "local_shell",
  "container.exec",
  "run_shell_command",
  "execute_bash",
  "bash",
  "Bash",
  "Shell",
  "terminal",
  "exec",
];

/** A call of the client's own shell tool with this command; undefined where the request offers none. */
export function shellCall(request: ModelRequest, command: string): Call | undefined {
  for (const name of SHELL_NAMES) {
    const tool = request.tools.find((candidate) => candidate.name === name || candidate.name.endsWith(`__${name}`));
    if (tool) return { kind: "call", callId: callIdOf(request.step), tool, input: shellInput(tool, command) };
  }
  return undefined;
}

/** A call of a tool by name, or by `namespace/name` where several have it; undefined where the request does not offer it. Under Codex's code mode the call goes through its `exec`. */
export function namedCall(request: ModelRequest, name: string, input: Readonly<Record<string, unknown>>): Call | undefined {
  const callId = callIdOf(request.step);
  const tool = request.tools.find((candidate) => candidate.name === name || `${candidate.namespace}/${candidate.name}` === name);
  if (tool) return { kind: "call", callId, tool, input };
  const exec = request.tools.find((candidate) => candidate.name === "exec" && candidate.isFreeform);
  return exec && { kind: "call", callId, tool: exec, input: codeModeCall(name, input) };
}

function shellInput(tool: ModelTool, command: string): Call["input"] {
  if (tool.isFreeform) return tool.name === "exec" ? codeModeCall("exec_command", { cmd: command }) : command;
  const { properties } = tool;
  const takes = (name: string): boolean => name in properties;
  const input: Record<string, unknown> = {};
  if (takes("cmd") && !takes("command")) input["cmd"] = command;
  else input["command"] = properties["command"]?.type === "array" ? ["bash", "-lc", command] : command;
  for (const name of tool.required) input[name] ??= fillerOf(properties[name]?.type);
  return input;
}

/** JavaScript for the models that get one tool, `exec`, in place of many. */
function codeModeCall(name: string, input: Readonly<Record<string, unknown>>): string {
  return `const result = await tools.${name}(${JSON.stringify(input)});\ntext(typeof result === "string" ? result : JSON.stringify(result));`;
}

function fillerOf(type: unknown): unknown {
  if (type === "boolean") return false;
  if (type === "number" || type === "integer") return 1_000;
  return type === "array" ? [] : "scripted";
}
