import { SlipwayError } from "@slipway/protocol/errors";
import type { z } from "zod";
import type { BackendDefinition } from "./backend.ts";

/**
 * `backendConfig` as the backend's turn gets it: checked, with defaults. INVALID_CONFIG names the first wrong field in its message and in
 * `details.field`, and all of them in `details.problems`.
 */
export function parseBackendConfig<Config extends z.ZodType>(definition: BackendDefinition<Config>, raw: unknown): z.output<Config> {
  const parsed = definition.config.safeParse(raw);
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.flatMap(problemsOf);
  const [first] = problems;
  throw new SlipwayError("INVALID_CONFIG", `backendConfig of ${definition.name}: ${first?.field ? `${first.field}: ` : ""}${first?.problem}.`, {
    backend: definition.name,
    field: first?.field,
    problems,
  });
}

/** A path of keys and indexes as people read it, such as `turns[0].steps[2].write`. */
export function fieldText(path: ReadonlyArray<PropertyKey>): string {
  return path.map((part, index) => (typeof part === "number" ? `[${part}]` : index === 0 ? String(part) : `.${String(part)}`)).join("");
}

/** An unknown key is a problem of that key, not of the object around it. */
function problemsOf(issue: z.core.$ZodIssue): Array<{ field: string; problem: string }> {
  if (issue.code === "unrecognized_keys") return issue.keys.map((key) => ({ field: fieldText([...issue.path, key]), problem: "no such setting" }));
  return [{ field: fieldText(issue.path), problem: issue.message }];
}
