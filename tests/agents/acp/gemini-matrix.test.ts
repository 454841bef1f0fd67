import { describeAgent } from "../matrix/describe-agent.ts";
import { gemini } from "./gemini-agent.ts";

describeAgent(gemini);
