import { SessionFile } from "@slipway/backend-sdk/session-file";
import { z } from "zod";

/** A UUID, so that what stands in an agent's file is never an option of the command line. */
export const sessionIdSchema = z.uuid();

/** The conversation that later turns go on with, where its process is gone. */
export const sessionFile = new SessionFile("claude-code", z.object({ sessionId: sessionIdSchema }));
