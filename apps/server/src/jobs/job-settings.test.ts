import { jobDefaultsSchema } from "@slipway/protocol/installation-config";
import { submitJobSchema } from "@slipway/protocol/job";
import { parseRepositoryConfig } from "@slipway/protocol/parse-repository-config";
import { expect, test } from "vitest";
import { jobSettings } from "./job-settings.ts";

const BARE = submitJobSchema.parse({ repo: "r", task: "t" });
const INSTALLATION = jobDefaultsSchema.parse({
  backend: "codex",
  timeoutSeconds: 60,
  stallSeconds: 0.5,
  queueTimeoutSeconds: 90,
  maxAttempts: 1,
  lane: "background",
  budget: { usd: 10, attemptUsd: 2 },
});

test("without any file a job has the built-in defaults", () => {
  expect(jobSettings(BARE, parseRepositoryConfig(""), jobDefaultsSchema.parse({}))).toEqual({
    asked: "script",
    needs: [],
    fallbacks: [],
    lane: "normal",
    maxAttempts: 3,
    timeoutMs: 1_800_000,
    stallMs: 300_000,
    queueTimeoutMs: 86_400_000,
    budget: {},
    record: false,
  });
});

test("the installation may have every job recorded; a job may say no", () => {
  const all = jobDefaultsSchema.parse({ record: true });
  const recordOf = (more: object, defaults = all): boolean | undefined =>
    jobSettings(submitJobSchema.parse({ repo: "r", task: "t", ...more }), parseRepositoryConfig(""), defaults).record;
  expect([recordOf({}), recordOf({ record: false }), recordOf({ record: true }, jobDefaultsSchema.parse({}))]).toEqual([true, false, true]);
});

test("the installation's defaults hold where neither job nor repository says anything", () => {
  expect(jobSettings(BARE, parseRepositoryConfig(""), INSTALLATION)).toEqual({
    asked: "codex",
    needs: [],
    fallbacks: [],
    lane: "background",
    maxAttempts: 1,
    timeoutMs: 60_000,
    stallMs: 500,
    queueTimeoutMs: 90_000,
    budget: { usd: 10, attemptUsd: 2 },
    record: false,
  });
});

test("the repository goes before the installation, the job before both, each limit of a budget on its own", () => {
  const config = parseRepositoryConfig("backend: script\ntimeoutSeconds: 120\nbudget: {usd: 5, tokens: 1000}\n");
  const repository = jobSettings(BARE, config, INSTALLATION);
  expect(repository).toMatchObject({ asked: "script", timeoutMs: 120_000, budget: { usd: 5, tokens: 1_000, attemptUsd: 2 } });
  const routed = parseRepositoryConfig("backend: auto\nneeds: [mcp]\nfallbacks: [codex]\n");
  expect(jobSettings(BARE, routed, INSTALLATION)).toMatchObject({ asked: "auto", needs: ["mcp"], fallbacks: ["codex"] });
  const input = submitJobSchema.parse({ repo: "r", task: "t", backend: "other", lane: "interactive", maxAttempts: 7, timeoutMs: 5_000, budget: { usd: 1 } });
  expect(jobSettings(input, config, INSTALLATION)).toEqual({
    asked: "other",
    needs: [],
    fallbacks: [],
    lane: "interactive",
    maxAttempts: 7,
    timeoutMs: 5_000,
    stallMs: 500,
    queueTimeoutMs: 90_000,
    budget: { usd: 1, tokens: 1_000, attemptUsd: 2 },
    record: false,
  });
});
