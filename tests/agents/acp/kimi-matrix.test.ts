import { describeAgent } from "../matrix/describe-agent.ts";
import { kimi } from "./kimi-agent.ts";

describeAgent(kimi);
