import { describeAgent } from "../matrix/describe-agent.ts";
import { mistralVibe } from "./mistral-vibe-agent.ts";

describeAgent(mistralVibe);
