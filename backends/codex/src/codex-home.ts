import { mkdir, readdir, rm } from "node:fs/promises";
import { join, relative } from "node:path";

/** What a later turn needs of an earlier one, and caches that say nothing to the model. */
const KEPT = [/^sessions$/, /^installation_id$/, /^\.sandbox_migration$/, /^[a-z_]+_\d+\.sqlite(-shm|-wal)?$/];
/** What a Codex at work needs: its own helpers, and who writes which conversation. */
const KEPT_AT_WORK = [...KEPT, /^tmp$/, /^thread-writer-locks$/];

/**
 * Makes CODEX_HOME ready for a turn. Codex takes instructions, skills, rules, prompts and settings from there, and an agent can write to it: whatever a turn
 * left that the conversation itself does not need goes.
 */
export async function prepareCodexHome(codexHome: string, { isAtWork = false }: { readonly isAtWork?: boolean } = {}): Promise<void> {
  await mkdir(codexHome, { recursive: true, mode: 0o700 });
  const kept = isAtWork ? KEPT_AT_WORK : KEPT;
  const strays = (await readdir(codexHome)).filter((name) => !kept.some((pattern) => pattern.test(name)));
  await Promise.all(strays.map((name) => rm(join(codexHome, name), { recursive: true, force: true })));
}

/**
 * A folder for temporary files that is not above CODEX_HOME, which makes Codex refuse its helpers and then fail every command: the usual one, or one of the
 * home's own.
 */
export async function temporaryFolder(codexHome: string, home: string, usual: string): Promise<string> {
  const isAbove = !relative(usual, codexHome).startsWith("..");
  if (!isAbove) return usual;
  const own = join(home, ".codex-tmp");
  await mkdir(own, { recursive: true, mode: 0o700 });
  return own;
}
