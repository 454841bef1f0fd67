import { z } from "zod";

/** A person or a machine, as git names one. */
const identitySchema = z
  .string()
  .max(200)
  .regex(/^[^<>\0\n]*[^<>\0\n ] *<[^<>\0\n ]+@[^<>\0\n ]+>$/, "expected a name and an address, such as Ship Bot <bot@ship.example>");

/** `slipway`: Slipway itself; `agent`: the backend that made the change; else who is named. */
const authorSchema = z.union(
  [z.enum(["slipway", "agent"]), identitySchema],
  "expected slipway, agent, or a name and an address such as Ship Bot <bot@ship.example>",
);

/** Who is named in the commits of jobs: keys of `landing`. */
export const LANDING_AUTHOR_FIELDS = {
  author: authorSchema
    .default("slipway")
    .describe("Author of a job's commit: `slipway`, `agent` for the backend that made it, or a name and an address such as `Ship Bot <bot@ship.example>`."),
  coAuthors: z.array(authorSchema).max(10).default([]).describe("Who stands in `Co-authored-by` trailers of a job's commit, each as `author` names one."),
} as const;

/** A name and an address, as git wants them apart. */
export interface LandingIdentity {
  readonly name: string;
  readonly email: string;
}

/** Who an entry of `author` or `coAuthors` is, for a change that this backend made. Backends have no address: theirs is one that goes nowhere. */
export function landingIdentity(entry: string, backend: string): LandingIdentity {
  if (entry === "slipway") return { name: "Slipway", email: "slipway@localhost" };
  if (entry === "agent") return { name: backend, email: `${backend}@slipway.localhost` };
  const [, name = entry, email = ""] = /^(.*\S) *<(.*)>$/.exec(entry) ?? [];
  return { name: name.trim(), email };
}
