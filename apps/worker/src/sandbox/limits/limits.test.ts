import { expect, test } from "vitest";
import { limitCapabilities, limitsInForce, requireLimits, resourceLimitPrefix } from "./in-force.ts";
import { DEFAULT_LIMITS, parseSize, readLimits } from "./limits.ts";

test.each([
  ["4g", 4_294_967_296],
  ["1.5G", 1_610_612_736],
  ["512m", 536_870_912],
  ["64k", 65_536],
  ["1000", 1_000],
  ["none", null],
])("%s is %s bytes", (text, bytes) => {
  expect(parseSize("--memory-limit", text)).toBe(bytes);
});

test.each(["", "0", "-1", "4 g", "4gb", "1e9", "many", "0.0001k"])("%j is no size", (text) => {
  expect(() => parseSize("--memory-limit", text)).toThrow(
    expect.objectContaining({ code: "INVALID_REQUEST", message: expect.stringContaining("--memory-limit") }),
  );
});

test("a limit that was asked for and cannot be kept is refused with the reason; one that was not is left out", () => {
  // Without a sandbox nothing but a control group bounds anything, and no group bounds a file.
  expect(() => requireLimits("none", { fileBytes: 1_000 })).toThrow(
    expect.objectContaining({ code: "SANDBOX_UNAVAILABLE", details: expect.objectContaining({ failing: ["fileBytes"] }) }),
  );
  expect(() => requireLimits("none", {})).not.toThrow();
  expect(() => requireLimits("bwrap", { memoryBytes: null, processes: null })).not.toThrow();
  const inForce = limitsInForce("none", { ...DEFAULT_LIMITS, memoryBytes: 1_000_000 });
  if (inForce.memoryBytes === null) expect(() => requireLimits("none", { memoryBytes: 1_000_000 })).toThrow(/memoryBytes/);
  else expect(inForce).toEqual({ memoryBytes: 1_000_000, processes: DEFAULT_LIMITS.processes, fileBytes: null, cpus: null });
});

test("limits are told as capabilities, and become options of prlimit", () => {
  expect(limitCapabilities({ memoryBytes: 4_294_967_296, processes: 100, fileBytes: null, cpus: null })).toEqual([
    "limit:memory:4294967296",
    "limit:processes:100",
  ]);
  expect(resourceLimitPrefix({ memoryBytes: 1, processes: 100, fileBytes: 5, cpus: null }).slice(1)).toEqual([
    "--core=0:0",
    "--nproc=100:100",
    "--fsize=5:5",
    "--",
  ]);
});

test("an option wins over the environment, and what nobody asked for is missing", () => {
  const env = { SLIPWAY_MEMORY_LIMIT: "4g", SLIPWAY_PROCESS_LIMIT: "none" };
  expect(readLimits({}, env)).toEqual({ memoryBytes: 4_294_967_296, processes: null });
  expect(readLimits({ "memory-limit": "1g", "process-limit": "500", "file-limit": "1k" }, env)).toEqual({
    memoryBytes: 1_073_741_824,
    processes: 500,
    fileBytes: 1_024,
  });
  expect(readLimits({}, {})).toEqual({});
  for (const text of ["0", "-1", "1.5", "many"]) expect(() => readLimits({ "process-limit": text }, {})).toThrow(/--process-limit/);
});
