/**
 * How workspaces are made, the quickest first. `overlay`: the kernel shows one shared checkout to all of them, each with its own changes above it;
 * `reflink`: a copy that shares its blocks with that checkout; `worktree`: a checkout of its own.
 */
export const WORKSPACE_KINDS = ["overlay", "reflink", "worktree"] as const;
/** One of WORKSPACE_KINDS. */
export type WorkspaceKind = (typeof WORKSPACE_KINDS)[number];

/** What a worker may be told: the best kind that works in its data folder, or one of them and no other. */
export const WORKSPACE_SETTINGS = ["auto", ...WORKSPACE_KINDS] as const;
/** One of WORKSPACE_SETTINGS. */
export type WorkspaceSetting = (typeof WORKSPACE_SETTINGS)[number];

/** How a worker makes its workspaces, by its capabilities; undefined where it does not tell. */
export function workspaceKindOf(capabilities: readonly string[]): WorkspaceKind | undefined {
  return WORKSPACE_KINDS.find((kind) => capabilities.includes(workspaceCapability(kind)));
}

/** The capability by which a worker tells how it makes its workspaces. */
export function workspaceCapability(kind: WorkspaceKind): string {
  return `workspaces:${kind}`;
}
