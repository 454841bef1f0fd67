import { z } from "zod";

/** One key of a configuration file, as a page shows it. */
export interface KeyRow {
  /** Such as `gates[].run`; `<name>` stands for a name that the file itself gives. */
  readonly key: string;
  readonly type: string;
  /** `needed` where the file must have it. */
  readonly fallback: string;
  readonly description: string;
}

type Schema = Readonly<Record<string, unknown>>;

/** All keys of a file's schema, with those of its mappings and lists below them. Throws where one has no description: the page would say nothing of it. */
export function keysOf(schema: z.ZodType): KeyRow[] {
  return rowsBelow(z.toJSONSchema(schema, { io: "input" }), "");
}

function rowsBelow(schema: Schema, path: string): KeyRow[] {
  const properties = Object.entries((schema["properties"] ?? {}) as Record<string, Schema>);
  const needed = new Set(schema["required"] as string[] | undefined);
  const own = properties.flatMap(([name, property]) => rowsOf(property, path === "" ? name : `${path}.${name}`, needed.has(name)));
  const values = schema["additionalProperties"];
  return isSchema(values) && Object.keys(values).length > 0 ? [...own, ...rowsBelow(values, `${path}.<name>`)] : own;
}

function rowsOf(schema: Schema, key: string, isNeeded: boolean): KeyRow[] {
  const description = schema["description"];
  if (typeof description !== "string") throw new Error(`the key ${key} has no description in its schema`);
  const items = schema["items"];
  const below = isSchema(items) ? rowsBelow(items, `${key}[]`) : rowsBelow(schema, key);
  return [{ key, type: typeOf(schema), fallback: isNeeded ? "needed" : fallbackOf(schema, below.length > 0), description }, ...below];
}

function typeOf(schema: Schema): string {
  const { type, items, const: fixed, enum: values } = schema;
  const choices = (schema["anyOf"] as Schema[] | undefined)?.map((choice) => typeOf(choice));
  if (Array.isArray(type)) return type.map((one) => typeOf({ ...schema, type: one })).join(" or ");
  if (choices) return choices.join(" or ");
  if (fixed !== undefined) return code(fixed);
  if (Array.isArray(values)) return values.map(code).join(" or ");
  switch (type) {
    case "string":
      return schema["format"] === "uri" ? "address" : "text";
    case "array":
      return `list of ${isSchema(items) && items["type"] === "object" ? "mappings" : "texts"}`;
    case "object":
      return "mapping";
    case "boolean":
      return "`true` or `false`";
    case "null":
      return "`null`";
    default:
      return `${type === "integer" ? "whole number" : "number"}${rangeOf(schema)}`;
  }
}

function rangeOf(schema: Schema): string {
  const { minimum, exclusiveMinimum, maximum } = schema;
  const from = minimum !== undefined ? `from ${minimum}` : exclusiveMinimum !== undefined ? `above ${exclusiveMinimum}` : "";
  const to = maximum === undefined || maximum === Number.MAX_SAFE_INTEGER ? "" : `to ${maximum}`;
  return [from, to].some((part) => part !== "") ? ` ${[from, to].filter((part) => part !== "").join(" ")}` : "";
}

/** Of a mapping with keys of its own, those tell. */
function fallbackOf(schema: Schema, hasRows: boolean): string {
  const value = schema["default"];
  if (value === undefined) return "";
  if (!hasRows || Array.isArray(value)) return code(value);
  const names = isSchema(schema["additionalProperties"]) ? Object.keys(value as object) : [];
  return names.map(code).join(", ");
}

function code(value: unknown): string {
  return `\`${typeof value === "string" ? value : JSON.stringify(value)}\``;
}

function isSchema(value: unknown): value is Schema {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
