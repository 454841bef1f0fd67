import { describe, expect, it } from "vitest";
import { commandOutOfMemory, since, turnOutOfMemory } from "./out-of-memory.ts";

const ofSandbox = { kills: 1, of: "sandbox", limitBytes: 512 * 1_048_576 } as const;
const ofMachine = { kills: 2, of: "machine", limitBytes: null } as const;
const failed = { code: "BACKEND_FAILED", message: "The command ended with 1.", details: { exitCode: 1 } } as const;
const killed = { ...failed, details: { exitCode: 137 } };

describe("turnOutOfMemory", () => {
  it("believes the sandbox's own count, and tells of it with its figures", () => {
    expect(turnOutOfMemory(ofSandbox, failed)).toMatchObject({
      code: "OUT_OF_MEMORY",
      message: "The agent ran out of memory: the kernel killed a process, because its limit is 512 MiB.",
      details: { ...ofSandbox, failure: { code: "BACKEND_FAILED" } },
    });
  });

  it.each([
    [ofMachine, failed, undefined],
    [ofMachine, killed, "OUT_OF_MEMORY"],
    [ofMachine, { ...failed, details: { exitCode: null, signal: "SIGKILL" } }, "OUT_OF_MEMORY"],
    [ofMachine, { code: "RUNNER_LOST", message: "", details: {} } as const, "OUT_OF_MEMORY"],
    [ofSandbox, { code: "BACKEND_QUOTA", message: "", details: {} } as const, undefined],
    [ofSandbox, { code: "AGENT_TIMEOUT", message: "", details: {} } as const, undefined],
    [null, killed, undefined],
  ])("%j behind %j is %s", (evidence, failure, code) => {
    expect(turnOutOfMemory(evidence, failure)?.code).toBe(code);
  });
});

describe("commandOutOfMemory", () => {
  it.each([
    [{ exitCode: 1, memory: ofSandbox }, "OUT_OF_MEMORY"],
    [{ exitCode: 137, memory: ofMachine }, "OUT_OF_MEMORY"],
    [{ exitCode: 1, memory: ofMachine }, undefined],
    [{ exitCode: 0, memory: ofSandbox }, undefined],
    [{ exitCode: null, memory: ofSandbox }, undefined],
    [{ exitCode: 137, memory: null }, undefined],
  ])("%j is %s", (result, code) => {
    expect(commandOutOfMemory("The gate sum", result)?.code).toBe(code);
  });
});

describe("since", () => {
  it("counts what came after", () => {
    expect(since(ofMachine, 0)).toEqual(ofMachine);
    expect(since(ofMachine, 1)).toEqual({ ...ofMachine, kills: 1 });
    expect(since(ofMachine, 2)).toBeNull();
    expect(since(null, 0)).toBeNull();
  });
});
