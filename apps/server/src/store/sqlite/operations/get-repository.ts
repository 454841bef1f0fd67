import type { RepositoryRow } from "../../store.ts";
import type { Database } from "../database.ts";
import { readRepository } from "../repository-row.ts";

export function getRepository(db: Database, idOrName: string): RepositoryRow | undefined {
  return readRepository(db, idOrName);
}
