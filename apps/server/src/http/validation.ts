import { SlipwayError } from "@slipway/protocol/errors";
import type { FastifySchemaCompiler } from "fastify";
import type { z } from "zod";
import { shown } from "./errors.ts";

interface Problem {
  readonly field: string;
  readonly value: unknown;
  readonly expected: string;
}

/** Checks a part of a request against its zod schema. What does not fit becomes INVALID_REQUEST; the details name field, value and what was expected. */
export const validateWithZod: FastifySchemaCompiler<z.ZodType> = ({ schema, httpPart }) => {
  return (data: unknown) => {
    const result = schema.safeParse(data);
    if (result.success) return { value: result.data };
    return { error: toInvalidRequest(result.error, httpPart ?? "request", data) };
  };
};

function toInvalidRequest(error: z.ZodError, part: string, data: unknown): SlipwayError {
  const problems = error.issues.slice(0, 20).flatMap((issue) => toProblems(issue, part, data));
  const [first] = problems;
  const more = problems.length > 1 ? ` (and ${problems.length - 1} more)` : "";
  return new SlipwayError("INVALID_REQUEST", first ? `${first.field}: ${first.expected}${more}.` : undefined, { ...first, problems });
}

function toProblems(issue: z.core.$ZodIssue, part: string, data: unknown): Problem[] {
  if (issue.code === "unrecognized_keys") {
    return issue.keys.map((key) => ({
      field: [...issue.path, key].join("."),
      value: shown(valueAt(data, [...issue.path, key])),
      expected: "no such field exists here",
    }));
  }
  const field = issue.path.length > 0 ? issue.path.join(".") : part;
  return [{ field, value: shown(valueAt(data, issue.path)), expected: expectation(issue) }];
}

function expectation(issue: z.core.$ZodIssue): string {
  if (issue.code === "invalid_value") return `expected one of ${issue.values.map(String).join(", ")}`;
  return issue.message.replace(/^Invalid input: /, "").replace(/\.$/, "");
}

/** What stands at the path; where a list came as one text (a query), that text. */
function valueAt(data: unknown, path: readonly PropertyKey[]): unknown {
  let value = data;
  for (const key of path) {
    if (typeof value === "string") return value;
    value = (value as Record<PropertyKey, unknown> | null | undefined)?.[key];
  }
  return value;
}
