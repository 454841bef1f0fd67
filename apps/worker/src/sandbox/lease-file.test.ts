import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { leaseFileIn, monotonicNowMs, readLeaseFile, writeLeaseFile } from "./lease-file.ts";

test("a lease is read as it was written; what is no lease is no deadline", () => {
  const folder = mkdtempSync(join(tmpdir(), "slipway-lease-"));
  try {
    const path = leaseFileIn(folder);
    expect(readLeaseFile(path)).toBeUndefined();
    const deadline = monotonicNowMs() + 10_000.5;
    writeLeaseFile(path, deadline);
    expect(readLeaseFile(path)).toBe(deadline);
    writeFileSync(path, '{"deadlineMonotonicMs":"soon"}');
    expect(readLeaseFile(path)).toBeUndefined();
  } finally {
    rmSync(folder, { recursive: true });
  }
});
