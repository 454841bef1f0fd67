import { createHash, randomBytes } from "node:crypto";

/** A new API token: 32 random bytes behind a prefix that secret scanners can look for. */
export function newToken(): string {
  return `slip_${randomBytes(32).toString("base64url")}`;
}

/** A new git credential for one attempt. */
export function newCredential(): string {
  return `slipgit_${randomBytes(32).toString("base64url")}`;
}

/** The form in which secrets are kept. They are random and long, so one round of SHA-256 is enough; looking up by it takes no secret-dependent time. */
export function sha256(secret: string | Uint8Array): string {
  return createHash("sha256").update(secret).digest("hex");
}
