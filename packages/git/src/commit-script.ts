/** The configuration of the fresh git directory that the script works with; the daemon writes it, the agent's own is never read. */
export const COMMIT_CONFIG = `[core]
\trepositoryformatversion = 0
\tfilemode = true
\tsymlinks = true
\tignorecase = false
\tbare = false
\tautocrlf = false
\tsafecrlf = false
\teol = lf
\tfsmonitor = false
\thooksPath = /dev/null
\tattributesFile = /dev/null
\texcludesFile = /dev/null
[gc]
\tauto = 0
[advice]
\taddEmbeddedRepo = false
`;

const SCRIPT = `set -eu
umask 077
unset GIT_CONFIG_COUNT GIT_CONFIG_PARAMETERS GIT_CONFIG_SYSTEM GIT_OBJECT_DIRECTORY GIT_COMMON_DIR GIT_NAMESPACE GIT_EXEC_PATH GIT_LITERAL_PATHSPECS
export GIT_DIR="$OUT/git" GIT_WORK_TREE="$WORKSPACE" GIT_INDEX_FILE="$INDEX" GIT_ALTERNATE_OBJECT_DIRECTORIES="$OBJECTS"
export GIT_CONFIG_NOSYSTEM=1 GIT_CONFIG_GLOBAL=/dev/null GIT_ATTR_NOSYSTEM=1 GIT_TERMINAL_PROMPT=0 LC_ALL=C HOME="$OUT"
cd "$WORKSPACE"
set -- .
[ ! -e "$OUT/pathspecs" ] || set -- --pathspec-from-file="$OUT/pathspecs" --pathspec-file-nul
# For git add a file that may have changed is a changed one, and its object is written again: all of them, where the checkout was made under another user
# id or within this second. So each is compared first; nothing is alive that could write now, so an index from the future may call the comparison final.
compared=0
git update-index -q --ignore-submodules --force-write-index --refresh >/dev/null 2>&1 || compared=$?
[ "$compared" -gt 1 ] || touch -t 203701010000 "$INDEX"
if ! git add -A "$@" 2>"$OUT/error"; then
  # A nested repository without a commit stops git; in this listing the names of nested repositories end with a slash.
  git ls-files -o --exclude-standard -z >"$OUT/others"
  tr '\\n\\0' '\\1\\n' <"$OUT/others" | sed -n '/\\/$/p' | tr '\\n\\1' '\\0\\n' >"$OUT/nested"
  [ ! -s "$OUT/nested" ] || exit 0
  cat "$OUT/error" >&2
  exit 1
fi
tree=$(git write-tree)
# A repository inside a folder that is tracked shows up in no listing of git's. Looked for while the pack is made.
git ls-tree -r -d -z --format='%(objecttype) %(path)' "$tree" | xargs -0 sh -c '
  for entry; do
    path=\${entry#tree }
    if [ "$path" != "$entry" ] && { [ -e "$path/.git" ] || [ -L "$path/.git" ]; }; then printf "%s\\\\0" "$path"; fi
  done' sh >"$OUT/nested" &
printf '%s\\n--not\\n%s\\n' "$tree" "$BASE_OID^{tree}" | git pack-objects --revs --stdout --quiet >"$OUT/pack"
wait $!
printf '%s\\n' "$tree" >"$OUT/tree"
`;

/**
 * A POSIX script, for `sh -c`, that makes the tree of a workspace and a pack of what is new in it. It runs INSIDE the sandbox, as the agent's user,
 * when every process of the agent is dead: git on an agent's tree can run the agent's code, so no daemon may do this.
 *
 * Environment: WORKSPACE; OUT, the folder that `prepareCommitFolder` filled, writable; INDEX, `$OUT/index`; BASE_OID; OBJECTS, object folders to
 * borrow from with colons between. Exit 0 where OUT holds an answer, else git's words are on standard error. In OUT it leaves `tree` (the id, written
 * last), `pack` (what the base's tree does not have) and `nested` (paths of nested repositories, each ended by NUL; alone where git cannot add them).
 */
export function commitScript(): string {
  return SCRIPT;
}
