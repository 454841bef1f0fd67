import { SlipwayError } from "@slipway/protocol/errors";
import { expect, test } from "vitest";
import { CLAIM_WAIT_MS } from "../daemon/claim-loop.ts";
import { failedOutcome } from "./report.ts";

test("after a full disk a job waits until this worker's open claims are over; what a failure itself says comes first", () => {
  const full = Object.assign(new Error("write"), { code: "ENOSPC" });
  expect(failedOutcome(full)).toMatchObject({ failure: { code: "DISK_FULL" }, retryAfterMs: CLAIM_WAIT_MS });
  expect(failedOutcome(new SlipwayError("BACKEND_RATE_LIMITED", undefined, { retryAfterMs: 7.6 }))).toMatchObject({ retryAfterMs: 8 });
  expect(failedOutcome(new SlipwayError("RUNNER_LOST"))).not.toHaveProperty("retryAfterMs");
});
