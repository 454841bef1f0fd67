import { describeAgent } from "../matrix/describe-agent.ts";
import { codexAcp } from "./codex-acp-agent.ts";

describeAgent(codexAcp);
