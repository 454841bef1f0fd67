import { createHash, createHmac, createSecretKey, type KeyObject, randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import { type DataFolder, writeWhole } from "./data-folder.ts";

const KEY_BYTES = 32;

/** A new API token: 32 random bytes behind a prefix that secret scanners can look for. */
export function newToken(): string {
  return `slip_${randomBytes(32).toString("base64url")}`;
}

/**
 * The git credential of one claim: the same for the same claim, however often its answer is asked for, so that a late duplicate of a request takes
 * nothing from whoever has the first answer. Without the key nobody can tell it from the ids, which others may know. `owner`: the worker or integrator.
 */
export function claimCredential(key: KeyObject, claim: { kind: "job" | "completion"; claimId: string; owner: string }): string {
  return `slipgit_${claimDigest(key, claim)}`;
}

/** The model token of one attempt, by which the gateway knows it; the same for the same claim, as `claimCredential` is. */
export function modelToken(key: KeyObject, claim: { claimId: string; owner: string }): string {
  return `slipmodel_${claimDigest(key, { ...claim, kind: "model" })}`;
}

function claimDigest(key: KeyObject, { kind, owner, claimId }: { kind: string; claimId: string; owner: string }): string {
  return createHmac("sha256", key)
    .update(JSON.stringify([kind, owner, claimId]))
    .digest("base64url");
}

/** The key of `claimCredential` and `modelToken`, from the data folder; made at the first start. One that is not whole is made anew: credentials that are out stay good. */
export async function openCredentialKey(folder: DataFolder): Promise<KeyObject> {
  const known = await readFile(folder.credentialKey).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined;
    throw error;
  });
  if (known?.byteLength === KEY_BYTES) return createSecretKey(known);
  const key = randomBytes(KEY_BYTES);
  await writeWhole(folder.credentialKey, key);
  return createSecretKey(key);
}

/** The form in which secrets are kept. They are random and long, so one round of SHA-256 is enough; looking up by it takes no secret-dependent time. */
export function sha256(secret: string | Uint8Array): string {
  return createHash("sha256").update(secret).digest("hex");
}
