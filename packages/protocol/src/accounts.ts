import { z } from "zod";
import { idSchema, timeSchema } from "./scalars.ts";

/**
 * What a token may do. admin: everything. submitter: submit, cancel, retry and read. viewer: read. worker: claim and report attempts.
 * integrator: claim and land completions. gateway: reserve and settle what attempts spend on models.
 */
export const ROLES = ["admin", "submitter", "viewer", "worker", "integrator", "gateway"] as const;
export type Role = (typeof ROLES)[number];

/** A token to be made; without `expiresAt` it is good until it is revoked. */
export const createTokenSchema = z.strictObject({
  name: z.string().min(1).max(100),
  role: z.enum(ROLES),
  expiresAt: timeSchema.optional(),
});
/** A token without its secret. `lastUsedAt` is at most a minute behind. */
export const tokenViewSchema = z.object({
  id: idSchema,
  name: z.string(),
  role: z.enum(ROLES),
  createdAt: timeSchema,
  expiresAt: timeSchema.nullable(),
  lastUsedAt: timeSchema.nullable(),
});
export type TokenView = z.infer<typeof tokenViewSchema>;
/** The token itself is shown once, here; the server keeps its SHA-256 only. */
export const createdTokenSchema = z.object({ token: z.string(), view: tokenViewSchema });
