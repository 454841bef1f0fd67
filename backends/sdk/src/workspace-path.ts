import { isAbsolute, relative } from "node:path";

/** A path as a `file-change` event has it: relative to the workspace where it is inside, else as the agent said it, and at most 4,096 characters. */
export function pathInWorkspace(workspace: string, path: string): string {
  const inside = isAbsolute(path) ? relative(workspace, path) : path;
  const isOutside = inside === "" || inside === ".." || inside.startsWith("../");
  return (isOutside ? path : inside).slice(0, 4_096);
}
