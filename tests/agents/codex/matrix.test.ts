import { describeAgent } from "../matrix/describe-agent.ts";
import { codex } from "./agent.ts";

describeAgent(codex);
