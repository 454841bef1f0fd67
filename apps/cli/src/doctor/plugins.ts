import type { BrokenBackend } from "@slipway/protocol/manifest";
import { type Check, check } from "./check.ts";

/** A failing check for each backend that is installed and cannot be loaded. */
export function checkPlugins(broken: readonly BrokenBackend[]): Check[] {
  return broken.map(({ name, package: packageName, file, problem, expected, remedy }) =>
    check("backends", name, false, {
      tried: `to load ${file} of the package ${packageName}`,
      found: `${problem}; expected ${expected}`,
      lost: `jobs with the backend ${name} of ${packageName} are refused; no other backend suffers`,
      remedy,
    }),
  );
}
