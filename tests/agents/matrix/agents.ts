import { codex } from "../codex/agent.ts";
import type { AgentUnderTest } from "./agent-under-test.ts";

/** Every agent that has a backend here, as the matrix plays it. */
export const AGENTS_UNDER_TEST: readonly AgentUnderTest[] = [codex];
