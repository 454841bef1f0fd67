import { createHash } from "node:crypto";
import { basename } from "node:path";

const NAME_LIMIT = 80;

/**
 * The name under which a checkout is registered: the folder's, for people, and six hex digits of its path, because two folders may have the
 * same name. The same folder always gives the same name.
 */
export function repositoryName(root: string): string {
  const folder = basename(root)
    .normalize("NFC")
    .replace(/[^\p{L}\p{N} ._-]+/gu, "-")
    .replace(/^[^\p{L}\p{N}]+/u, "")
    .slice(0, NAME_LIMIT)
    .trim();
  return `${folder || "repository"}-${createHash("sha256").update(root).digest("hex").slice(0, 6)}`;
}
