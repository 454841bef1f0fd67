import { describeAgent } from "../matrix/describe-agent.ts";
import { openhands } from "./agent.ts";

describeAgent(openhands);
