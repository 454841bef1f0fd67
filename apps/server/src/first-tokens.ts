import { access } from "node:fs/promises";
import { join } from "node:path";
import type { Role } from "@slipway/protocol/accounts";
import { newId } from "@slipway/protocol/scalars";
import { type DataFolder, writeWhole } from "./data-folder.ts";
import { newToken, sha256 } from "./secrets.ts";
import type { Store } from "./store/store.ts";

/** Roles that get a token file at the first start, for the processes of this machine. */
const LOCAL_ROLES = ["admin", "worker", "integrator", "gateway"] as const satisfies readonly Role[];

/** Makes the token files of this machine where they are missing. The token is stored first: a file never holds a token that the store does not know. */
export async function makeFirstTokens(folder: DataFolder, store: Store): Promise<void> {
  for (const role of LOCAL_ROLES) {
    const path = join(folder.tokens, `${role}.token`);
    if (await exists(path)) continue;
    const token = newToken();
    await store.createToken({ id: newId(), name: `${role} of this machine`, role, sha256: sha256(token), expiresAt: null });
    await writeWhole(path, `${token}\n`);
  }
}

async function exists(path: string): Promise<boolean> {
  return await access(path).then(
    () => true,
    () => false,
  );
}
