import { SessionFile } from "@slipway/backend-sdk/session-file";
import { z } from "zod";

/** It goes back on a command line: never an option, and nothing that a path could be made of. */
const idSchema = z.string().regex(/^[A-Za-z0-9][\w.:-]{0,199}$/);

/** The conversation that later turns go on with. */
export const sessionFile = new SessionFile("command", z.object({ id: idSchema }));

/** The id where it may be believed; an agent's own word is not. */
export function safeSessionId(id: string | undefined): string | undefined {
  return idSchema.safeParse(id).data;
}
