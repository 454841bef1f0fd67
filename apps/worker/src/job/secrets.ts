import { secretsOfServers } from "@slipway/protocol/turn-settings";
import type { AttemptContext } from "../attempt/context.ts";
import type { SecretValues } from "../secrets/backend-secrets.ts";

type Scene = Pick<AttemptContext, "claim" | "secrets" | "masks">;

/**
 * To be called before anything runs for the job: from here on the secrets of its backend and of its MCP servers are masked, and SECRET_MISSING is thrown where one is not here that
 * the first turn will need. A restarted worker learns the values that are here now; one that was replaced meanwhile it cannot know.
 */
export async function expectSecrets(context: Scene & Pick<AttemptContext, "journal">, firstTurn: string): Promise<void> {
  const { values, missing } = await context.secrets.find(context.claim.job.backend, secretsOfServers(context.claim.job.mcpServers));
  context.masks.learn(Object.values(values));
  // An attempt that is taken up after its turn may need them no more.
  if (missing && !context.journal.has(firstTurn)) throw missing;
}

/** For one turn, read at its start, so that a secret can be replaced while the worker runs. SECRET_MISSING. */
export async function secretsForTurn(context: Scene): Promise<SecretValues> {
  const values = await context.secrets.read(context.claim.job.backend, secretsOfServers(context.claim.job.mcpServers));
  context.masks.learn(Object.values(values));
  return values;
}
