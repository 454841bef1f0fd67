import { describeAgent } from "../matrix/describe-agent.ts";
import { claudeAcp } from "./claude-acp-agent.ts";

describeAgent(claudeAcp);
