import { allowsHost, EGRESS_DEFAULT_PORT } from "@slipway/protocol/egress";
import type { AttemptContext } from "../attempt/context.ts";

/** Tells, once, of hosts that the agent cannot work without and that its repository does not let it reach: its own failure would seldom say so. */
export async function tellNeededHosts(context: Pick<AttemptContext, "manifest" | "events" | "provider">, allowed: readonly string[]): Promise<void> {
  const { manifest, events, provider } = context;
  // There the agent has the machine's own network.
  if (!manifest || provider.kind === "none") return;
  const missing = manifest.capabilities.network.filter((host) => !isAllowed(allowed, host));
  if (missing.length === 0) return;
  const text = `The agent of ${manifest.name} says that it cannot work without ${missing.join(", ")}, which it cannot reach: list it under \`egress.turn\` in .slipway.yaml.`;
  await events.emitOnce("needed-hosts", { kind: "notice", data: { level: "warning", text: text.slice(0, 20_000) } });
}

/** Of all hosts below a domain, one stands for them; what is listed as it stands is allowed in any case. */
function isAllowed(allowed: readonly string[], pattern: string): boolean {
  const [name = "", port] = pattern.split(":");
  return allowed.includes(pattern) || allowsHost(allowed, name.replace("*", "any"), port === undefined ? EGRESS_DEFAULT_PORT : Number(port));
}
