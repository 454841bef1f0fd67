import { describeAgent } from "../matrix/describe-agent.ts";
import { qwen } from "./qwen-agent.ts";

describeAgent(qwen);
