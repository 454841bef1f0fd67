import type { Database } from "../database.ts";

const USED = "SELECT DISTINCT sha256 FROM job_images INDEXED BY job_images_by_digest WHERE sha256 IN (SELECT value FROM json_each(@digests))";

export function usedImages(db: Database, digests: readonly string[]): string[] {
  return db.all<{ sha256: string }>(USED, { digests: JSON.stringify(digests) }).map(({ sha256 }) => sha256);
}
