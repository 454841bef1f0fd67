import { describeAgent } from "../matrix/describe-agent.ts";
import { opencode } from "./opencode-agent.ts";

describeAgent(opencode);
