import { describe, expect, it } from "vitest";
import { SlipwayError } from "./errors.ts";
import { parseInstallationConfig } from "./parse-installation-config.ts";

function refusal(text: string): SlipwayError {
  try {
    parseInstallationConfig(text);
  } catch (error) {
    if (error instanceof SlipwayError) return error;
    throw error;
  }
  throw new Error("the configuration was accepted");
}

describe("parseInstallationConfig", () => {
  it("fills in the defaults of an empty file", () => {
    for (const text of ["", "# only a comment\n", "---\n", "server: {}\n"]) {
      expect(parseInstallationConfig(text).value).toEqual({
        version: 1,
        logLevel: "info",
        server: {
          ...{ port: 4_750, host: "127.0.0.1", allowRemote: false, allowedOrigins: [], retentionDays: 30 },
          ...{ forges: {}, credentials: {}, pullRequestPollSeconds: 60 },
          ...{ dayBudget: {}, circuitFaults: 3, circuitCoolDownSeconds: 60 },
        },
        worker: { slots: 4, verifySlots: 2, sandbox: "bwrap", workspaces: "auto", ports: "20000-29999", egressPrivateHosts: [] },
        integrator: {},
        images: {},
        jobs: {
          backend: "script",
          timeoutSeconds: 1_800,
          stallSeconds: 300,
          queueTimeoutSeconds: 86_400,
          maxAttempts: 3,
          lane: "normal",
          budget: {},
          record: false,
        },
        notifications: [],
      });
    }
  });

  it("says where a key stands, and nothing of one that has its default", () => {
    const { value, placeOf } = parseInstallationConfig("server:\n  port: 0\njobs:\n  budget: {usd: 5, attemptUsd: 1}\n");
    expect([value.server.port, value.jobs.budget]).toEqual([0, { usd: 5, attemptUsd: 1 }]);
    expect(placeOf(["server", "port"])).toEqual({ line: 2, column: 3 });
    expect(placeOf(["jobs", "budget", "attemptUsd"])).toEqual({ line: 4, column: 20 });
    expect(placeOf(["server", "host"])).toBeUndefined();
    expect(placeOf(["worker", "slots"])).toBeUndefined();
    expect(placeOf([])).toBeUndefined();
  });

  it.each([
    ["port: 1\n", { line: 1, column: 1, key: "port", suggestion: "server.port" }],
    ["worker:\n  slot: 2\n", { line: 2, column: 3, key: "worker.slot", suggestion: "worker.slots" }],
    ["jobs:\n  timeout: 5\n", { key: "jobs.timeout", suggestion: "jobs.timeoutSeconds" }],
    ["worker:\n  memoryLimit: lots\n", { line: 2, column: 16, key: "worker.memoryLimit", value: '"lots"', expected: "a size such as 4g or 512m, or none" }],
    ["worker:\n  processLimit: few\n", { key: "worker.processLimit", expected: "a whole number from 1 to 9999999, or none" }],
    ["server:\n  allowRemote: maybe\n", { line: 2, column: 16, expected: "true or false" }],
    ["worker: {sandbox: podman}\n", { expected: '"bwrap" or "docker" or "none"' }],
    ["logLevel: loud\n", { key: "logLevel" }],
    ["version: 2\n", { key: "version", expected: "1" }],
  ])("refuses %j", (text, details) => {
    const error = refusal(text);
    expect(error.code).toBe("INVALID_CONFIG");
    expect(error.details).toMatchObject({ file: "slipway.yaml", ...details });
  });
});
