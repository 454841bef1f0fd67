import { describeAgent } from "../matrix/describe-agent.ts";
import { claudeCode } from "./agent.ts";

describeAgent(claudeCode);
