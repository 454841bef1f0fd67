import type { Finding } from "./finding.ts";

/** A path that conflicted, as each side and the result have it; undefined where it is not there, or no text that is looked at. */
export interface SettledPath {
  readonly path: string;
  readonly base: string | undefined;
  readonly target: string | undefined;
  readonly own: string | undefined;
  readonly result: string | undefined;
}

/**
 * Conflicts that were settled by dropping what landed meanwhile: the path is exactly as the change had it before, or no line that others had added is left there.
 * Only told, as that may be right.
 */
export function findUndone(paths: readonly SettledPath[], target: string): Finding[] {
  return paths.flatMap((settled): Finding[] => {
    const { path, base, own, result } = settled;
    // Others have changed nothing there that could be dropped.
    if (settled.target === base) return [];
    if (result === own && own !== settled.target)
      return [warning(path, `The conflict is settled as this change had the file before: nothing of what landed on ${target} meanwhile is there.`)];
    const added = addedLines(base, settled.target);
    const left = new Set(lines(result));
    if (added.length === 0 || added.some((line) => left.has(line))) return [];
    return [warning(path, `Of ${added.length === 1 ? "the line" : `the ${added.length} lines`} that landed on ${target} meanwhile none is left.`)];
  });
}

function warning(path: string, message: string): Finding {
  return { path, message, level: "warning" };
}

function addedLines(before: string | undefined, after: string | undefined): string[] {
  const known = new Set(lines(before));
  return lines(after).filter((line) => !known.has(line));
}

/** Without what says nothing by itself, such as a bracket alone. */
function lines(text: string | undefined): string[] {
  return (text ?? "")
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => /\w/.test(line));
}
