import { z } from "zod";

/** What code in a sandbox may reach over the network: hosts by name, each phase of a job its own. All else is refused. */

/** Port that a pattern means where it names none. */
export const EGRESS_DEFAULT_PORT = 443;

/** In which parts of a job something may be reached. */
export const EGRESS_PHASES = ["setup", "turn", "gates"] as const;
export type EgressPhase = (typeof EGRESS_PHASES)[number];

const HOST_PATTERN = /^(\*\.)?[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*(:[1-9]\d{0,4})?$/i;

/** A host such as `registry.npmjs.org`, all below a domain as `*.example.com`, with another port than 443 as `host:8443`. */
export const hostPatternSchema = z
  .string()
  .max(260)
  .regex(HOST_PATTERN, "expected a host such as registry.npmjs.org, *.example.com for all below it, or host:8443 for another port than 443")
  .refine((pattern) => splitPattern(pattern).port <= 65_535, "expected a port from 1 to 65535");

const hostsSchema = z.array(hostPatternSchema).max(200);

/** The lists of a repository. `setup` missing: the setup has the network that `setup.network` says. */
export const egressSchema = z.strictObject({
  setup: hostsSchema
    .optional()
    .describe("Hosts that the setup may reach, such as `registry.npmjs.org`; then it has no other network, whatever `setup.network` says."),
  turn: hostsSchema.default([]).describe("Hosts that the agent may reach in its turns, beside its models."),
  gates: hostsSchema.default([]).describe("Hosts that the gates may reach, of a verification too."),
});
export type EgressLists = z.infer<typeof egressSchema>;

/** Whether one of the patterns means this host and port. Names are compared without case, and without the dot at the end of a full one. */
export function allowsHost(patterns: readonly string[], host: string, port: number): boolean {
  const name = host.toLowerCase().replace(/\.$/, "");
  return patterns.some((pattern) => {
    const allowed = splitPattern(pattern);
    if (allowed.port !== port) return false;
    return allowed.name.startsWith("*.") ? name.endsWith(allowed.name.slice(1)) && name.length > allowed.name.length - 1 : name === allowed.name;
  });
}

function splitPattern(pattern: string): { name: string; port: number } {
  const [name = "", port] = pattern.toLowerCase().split(":");
  return { name, port: port === undefined ? EGRESS_DEFAULT_PORT : Number(port) };
}
