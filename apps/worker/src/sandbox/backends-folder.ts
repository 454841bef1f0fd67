import { readFileSync, realpathSync } from "node:fs";
import { join, sep } from "node:path";

/**
 * Host paths that a runner must see to load the backends of a plugin folder (SLIPWAY_BACKENDS): the folder, and those of its packages that are links to
 * somewhere else. What cannot be read is left out: the runner says what is wrong with it, the better of the two to know.
 */
export function backendPaths(folder: string): string[] {
  const real = realOrNothing(folder);
  if (real === undefined) return [];
  const packages = dependenciesOf(real).flatMap((name) => realOrNothing(join(real, "node_modules", name)) ?? []);
  return [real, ...packages.filter((path) => !path.startsWith(real + sep))];
}

function dependenciesOf(folder: string): string[] {
  try {
    const { dependencies } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as { dependencies?: Record<string, string> };
    return Object.keys(dependencies ?? {});
  } catch {
    // No npm project: the runner says so.
    return [];
  }
}

function realOrNothing(path: string): string | undefined {
  try {
    return realpathSync(path);
  } catch {
    // Not there: the runner says so.
    return undefined;
  }
}
