import { describeAgent } from "../matrix/describe-agent.ts";
import { miniswe } from "./agent.ts";

describeAgent(miniswe);
