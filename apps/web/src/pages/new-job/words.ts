import type { CheckName } from "@slipway/protocol/checks";
import type { LandingMode } from "@slipway/protocol/landing-modes";
import type { BackendNeed } from "@slipway/protocol/routing";
import type { TaskKind } from "@slipway/protocol/task-kinds";

/** Words for what a job may say, in the terms of the command line. Tables of the protocol, whose modules would bring all of their schemas along. */

export const KIND_WORDS: Readonly<Record<TaskKind, string>> = {
  develop: "A change that passes gates and checks.",
  test: "Tests: only their paths may change, and none may become weaker.",
  fix: "A change that mends a failing test, or what a log shows.",
  research: "A document with the answer to a question.",
  plan: "A document that says how something is to be done.",
  review: "A verdict on a change; nothing is changed.",
};

export const LANDING_WORDS: Readonly<Record<LandingMode, string>> = {
  train: "Land it on its branch in the hub",
  pr: "Open a pull request",
  branch: "Push a branch",
  none: "Keep its commit, land nothing",
};

export const NEED_WORDS: Readonly<Record<BackendNeed, string>> = {
  resume: "goes on with its session",
  usage: "tells what it used",
  plan: "tells its plan",
  steer: "takes messages at work",
  readOnly: "can only look",
  images: "sees images",
  mcp: "starts MCP servers",
  permissions: "asks for leave",
};

export const CHECK_WORDS: Readonly<Record<CheckName, string>> = {
  size: "large changes",
  secrets: "secrets",
  binaries: "binary files",
  lockfiles: "lockfiles",
  generated: "generated files",
  guarded: "what judges the change",
  whitespace: "whitespace",
  conflicts: "markers of a merge",
  tests: "weaker tests",
  proof: "tests that prove nothing",
  coverage: "lines without a test",
};
