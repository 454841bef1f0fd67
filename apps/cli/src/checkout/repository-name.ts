import { createHash } from "node:crypto";
import { basename } from "node:path";

const NAME_LIMIT = 80;

/** The name under which a checkout is registered together with an address that its branches go to; another address gives another name. */
export function deliveringName(root: string, url: string): string {
  return `${repositoryName(root)}-${createHash("sha256").update(url).digest("hex").slice(0, 6)}`;
}

/** Whether a repository's name is one that this checkout has. */
export function isNameOf(root: string, name: string): boolean {
  const own = repositoryName(root);
  return name === own || (name.startsWith(`${own}-`) && /^-[0-9a-f]{6}$/.test(name.slice(own.length)));
}

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
