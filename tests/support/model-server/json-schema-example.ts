/** A value that fits a JSON schema, as a model would make one up: side calls for titles, routes and the like want one. */
export function exampleOf(schema: unknown): unknown {
  if (typeof schema !== "object" || schema === null) return "scripted";
  const { type, properties = {}, items, enum: values, anyOf } = schema as Record<string, unknown> & { properties?: Record<string, unknown> };
  if (Array.isArray(values)) return values[0];
  if (Array.isArray(anyOf)) return exampleOf(anyOf[0]);
  switch (String(type).toLowerCase()) {
    case "object":
      return Object.fromEntries(Object.entries(properties).map(([name, inner]) => [name, exampleOf(inner)]));
    case "array":
      return items === undefined ? [] : [exampleOf(items)];
    case "boolean":
      return false;
    case "number":
    case "integer":
      return 1;
    case "null":
      return null;
    default:
      return "scripted";
  }
}
