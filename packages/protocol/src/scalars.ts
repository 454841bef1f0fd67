import { uuidv7 } from "uuidv7";
import { z } from "zod";

/** A new id: UUID version 7 (RFC 9562), so that ids sort by time. */
export function newId(): string {
  return uuidv7();
}

/** An id as `newId` makes them; any UUID is taken. */
export const idSchema = z.uuid();
/** What names a job in a path or query: its number or its id. */
export const jobReferenceSchema = z.string().regex(/^([0-9]{1,15}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})$/, "expected the id or the number of a job");
/** A full git object id: 40 hex digits (SHA-1) or 64 (SHA-256). */
export const oidSchema = z.string().regex(/^([0-9a-f]{40}|[0-9a-f]{64})$/, "expected a full git object id in lower-case hex");
/** A short branch name such as `main` or `slipway/fix-tests`; the rules are those of git-check-ref-format, a little stricter. */
export const branchSchema = z
  .string()
  .min(1)
  .max(200)
  .regex(/^(?![-/.])(?!.*(\.\.|\/\/|@\{|\.lock(\/|$)|\/\.))[^\s~^:?*[\\\x00-\x1f\x7f]+(?<![./])$/, "expected a branch name that git accepts");
/** The number of a lease: 1 for the first claim, growing with every further one. */
export const fenceSchema = z.int().positive();
/** Milliseconds since 1970-01-01 UTC. */
export const timeSchema = z.int().nonnegative();
/** A SHA-256 digest in lower-case hex. */
export const sha256Schema = z.string().regex(/^[0-9a-f]{64}$/);
/** A backend's, gate's or capability's name. */
export const nameSchema = z.string().regex(/^[a-z0-9][a-z0-9._:-]{0,63}$/, "expected lower-case letters, digits and . _ : -, at most 64");
