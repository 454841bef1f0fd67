import { SlipwayError } from "@slipway/protocol/errors";
import type { AttemptContext } from "../attempt/context.ts";
import type { Judgement } from "./checks.ts";

/** What the refusal of critics is called among those of checks. */
export const CRITIC = "critic";

/** The failure of a change that critics do not accept and nobody mends any more. */
export function criticRejected(context: AttemptContext, { refusals }: Judgement, why: string): SlipwayError {
  const findings = refusals[0]?.findings ?? [];
  const { number } = context.claim.job;
  const hint = `\`slipway show ${number}\` has all that was found. Give the agent a better task or clearer criteria (\`--criterion\`), or change \`critic\` in .slipway.yaml.`;
  const message = `The critic does not accept the change, and ${why}: ${findings[0] ?? ""}`.slice(0, 4_000);
  return new SlipwayError("CRITIC_REJECTED", message, { findings: findings.slice(0, 20), reason: why, hint });
}
