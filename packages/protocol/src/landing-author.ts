import { z } from "zod";

/** A person or a machine, as git names one. */
const identitySchema = z
  .string()
  .max(200)
  .regex(/^[^<>\0\n]*[^<>\0\n ] *<[^<>\0\n ]+@[^<>\0\n ]+>$/, "expected a name and an address, such as Ship Bot <bot@ship.example>");

/** `slipway`: Slipway itself; `agent`: the backend that made the change; `submitter`: who submitted the job, as their git named them; else who is named. */
const authorSchema = z.union(
  [z.enum(["slipway", "agent", "submitter"]), identitySchema],
  "expected slipway, agent, submitter, or a name and an address such as Ship Bot <bot@ship.example>",
);

/**
 * Who submitted a job, as their git names them (`user.name`, `user.email`). A word for people and for commits: nobody checks it, and nothing is allowed because
 * of it; who really submitted is the token, in the audit.
 */
export const submitterSchema = z.strictObject({
  name: z
    .string()
    .trim()
    .min(1)
    .max(100)
    .regex(/^[^<>\p{Cc}]*$/u, "expected a name without < > and control characters"),
  email: z
    .string()
    .max(200)
    .regex(/^[^<>\s\p{Cc}]+@[^<>\s\p{Cc}]+$/u, "expected an address such as ana@ship.example"),
});

/** Who is named in the commits of jobs: keys of `landing`. */
export const LANDING_AUTHOR_FIELDS = {
  author: authorSchema
    .default("slipway")
    .describe(
      "Author of a job's commit: `slipway`, `agent` for the backend that made it, `submitter` for who submitted it, or a name and an address such as `Ship Bot <bot@ship.example>`.",
    ),
  coAuthors: z.array(authorSchema).max(10).default([]).describe("Who stands in `Co-authored-by` trailers of a job's commit, each as `author` names one."),
} as const;

/** A name and an address, as git wants them apart. */
export interface LandingIdentity {
  readonly name: string;
  readonly email: string;
}

const SLIPWAY: LandingIdentity = { name: "Slipway", email: "slipway@localhost" };

/**
 * Who an entry of `author` or `coAuthors` is, for a change that this backend made of a job that was submitted by this person; Slipway where nobody was named.
 * Backends have no address: theirs is one that goes nowhere.
 */
export function landingIdentity(entry: string, backend: string, submitter: LandingIdentity | null = null): LandingIdentity {
  if (entry === "slipway") return SLIPWAY;
  if (entry === "submitter") return submitter ?? SLIPWAY;
  if (entry === "agent") return { name: backend, email: `${backend}@slipway.localhost` };
  const [, name = entry, email = ""] = /^(.*\S) *<(.*)>$/.exec(entry) ?? [];
  return { name: name.trim(), email };
}
