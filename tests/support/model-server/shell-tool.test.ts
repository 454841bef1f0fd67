import { expect, test } from "vitest";
import { stepAfter } from "./call-ids.ts";
import type { ModelRequest, ModelTool } from "./protocol.ts";
import { namedCall, shellCall } from "./shell-tool.ts";

const request = (...tools: Array<Partial<ModelTool> & { name: string }>): ModelRequest => ({
  model: "m",
  isStream: true,
  wantsUsage: true,
  tools: tools.map((tool) => ({ isFreeform: false, properties: {}, required: [], ...tool })),
  prompt: "",
  text: "",
  step: 2,
  toolResults: [],
});

test.each([
  [{ name: "exec_command", properties: { cmd: { type: "string" } } }, { cmd: "ls" }],
  [{ name: "shell", properties: { command: { type: "array" } } }, { command: ["bash", "-lc", "ls"] }],
  [
    { name: "Bash", properties: { command: { type: "string" }, description: { type: "string" } }, required: ["command", "description"] },
    { command: "ls", description: "scripted" },
  ],
  [
    { name: "run_shell_command", properties: { command: { type: "string" }, is_background: { type: "boolean" } }, required: ["is_background"] },
    { command: "ls", is_background: false },
  ],
  [{ name: "mcp__box__bash", properties: { command: { type: "string" } } }, { command: "ls" }],
  [{ name: "local_shell", isFreeform: true }, "ls"],
])("the client's own shell tool is found: %j", (tool, input) => {
  expect(shellCall(request({ name: "read_file" }, tool), "ls")).toMatchObject({ tool: { name: tool.name }, input });
});

test("under Codex's code mode commands and calls go through exec, as JavaScript", () => {
  const offered = request({ name: "exec", isFreeform: true });
  expect(shellCall(offered, 'echo "a"')?.input).toContain('tools.exec_command({"cmd":"echo \\"a\\""})');
  expect(namedCall(offered, "update_plan", { plan: [] })?.input).toContain('tools.update_plan({"plan":[]})');
});

test("no tool, no call", () => {
  expect(shellCall(request({ name: "read_file" }), "ls")).toBeUndefined();
  expect(namedCall(request({ name: "read_file" }), "update_plan", {})).toBeUndefined();
});

test("the ids of calls tell where a conversation stands, parallel calls count once", () => {
  const id = shellCall(request({ name: "bash" }), "ls")?.callId;
  expect(stepAfter([])).toBe(0);
  expect(stepAfter(["call_s0_a", "call_s0_b"])).toBe(1);
  expect(stepAfter(["call_s0_a", id])).toBe(3);
  expect(stepAfter(["toolu_1", undefined])).toBe(2);
});
