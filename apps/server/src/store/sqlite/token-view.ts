import type { Role, TokenView } from "@slipway/protocol/accounts";

export interface TokenTable {
  id: string;
  name: string;
  role: Role;
  created_at: number;
  expires_at: number | null;
  last_used_at: number | null;
}

/** The columns of a `TokenTable`: never the digest, which only a search needs. */
export const TOKEN_COLUMNS = "id, name, role, created_at, expires_at, last_used_at";

export function tokenView(row: TokenTable): TokenView {
  return { id: row.id, name: row.name, role: row.role, createdAt: row.created_at, expiresAt: row.expires_at, lastUsedAt: row.last_used_at };
}
