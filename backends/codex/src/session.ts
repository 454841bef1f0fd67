import { SessionFile } from "@slipway/backend-sdk/session-file";
import { z } from "zod";

/** A UUID, so that what stands in an agent's file is never the path of another file. */
export const threadIdSchema = z.uuid();

/** Where the conversation stands that later turns go on with. */
export const sessionFile = new SessionFile("codex", z.object({ threadId: threadIdSchema }));
