import type { Client } from "@slipway/protocol/client";
import type { Settings, SettingText } from "../terminal/parse.ts";

/**
 * The settings as the backend's manifest wants them: text for a field that takes a mapping is read as YAML, so that the server can check all of it
 * before a job is made. What is no mapping or list stays text. INVALID_CONFIG with file, line and column where it is not YAML.
 */
export async function backendSettings(client: Client, backend: string, { values, texts }: Settings): Promise<Record<string, unknown>> {
  if (texts.size === 0) return values;
  const schema = await configSchema(client, backend);
  const named = Array.from(texts).filter(([name]) => takesMapping(propertyOf(schema, name)));
  const read = await Promise.all(named.map(async ([name, text]) => [name, await structured(text)] as const));
  return { ...values, ...Object.fromEntries(read) };
}

/** From the worker that was seen last, as the server does; undefined where none that the server knows has the backend. */
async function configSchema(client: Client, backend: string): Promise<unknown> {
  const { workers } = await client.call("listWorkers", {});
  const manifests = workers.toSorted((a, b) => b.lastSeenAt - a.lastSeenAt).flatMap((worker) => worker.backends);
  return manifests.find(({ name }) => name === backend)?.configSchema;
}

/** Only who gives such a text pays for a YAML parser. */
async function structured({ text, source }: SettingText): Promise<unknown> {
  const [{ parseYamlConfig }, { z }] = await Promise.all([import("@slipway/protocol/parse-yaml-config"), import("zod")]);
  const value = parseYamlConfig({ text, file: source, schema: z.unknown(), hint: () => "Mend it, then submit again: nothing was submitted." });
  return typeof value === "object" ? value : text;
}

function propertyOf(schema: unknown, name: string): unknown {
  return isMapping(schema) && isMapping(schema["properties"]) ? schema["properties"][name] : undefined;
}

/** Whether a JSON Schema lets a mapping through, as far as it says so itself. */
function takesMapping(schema: unknown): boolean {
  if (!isMapping(schema)) return false;
  if ([schema["type"]].flat().includes("object")) return true;
  return ["anyOf", "oneOf"].some((key) => [schema[key]].flat().some(takesMapping));
}

function isMapping(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
