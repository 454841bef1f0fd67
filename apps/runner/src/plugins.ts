import { readFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { BackendDefinition } from "@slipway/backend-sdk/backend";
import { SlipwayError } from "@slipway/protocol/errors";
import { nameSchema } from "@slipway/protocol/scalars";
import { z } from "zod";

const folderSchema = z.object({ dependencies: z.record(z.string(), z.string()).default({}) });
const packageSchema = z.object({ slipway: z.object({ backends: z.record(nameSchema, z.string().startsWith("./")) }).optional() });

/**
 * The backends of a plugin folder, by name, none of them loaded yet. The folder is an npm project of its own; a package that it depends on brings those
 * that its package.json names: `"slipway": { "backends": { "parrot": "./dist/backend.js" } }`. INVALID_CONFIG where the folder is no such project, a
 * package is not installed, or two of them bring a backend of the same name.
 */
export function readPlugins(folder: string): Map<string, () => Promise<BackendDefinition>> {
  const found = new Map<string, () => Promise<BackendDefinition>>();
  for (const packageName of Object.keys(read(folder, folderSchema).dependencies)) {
    const root = join(folder, "node_modules", packageName);
    for (const [name, path] of Object.entries(read(root, packageSchema).slipway?.backends ?? {})) {
      if (found.has(name)) throw invalid(`two packages in ${folder} bring a backend called ${name}; one is ${packageName}`);
      found.set(name, () => load(name, join(root, path)));
    }
  }
  return found;
}

function read<T extends z.ZodType>(folder: string, schema: T): z.output<T> {
  const file = join(folder, "package.json");
  try {
    return schema.parse(JSON.parse(readFileSync(file, "utf8")));
  } catch (error) {
    const problem = error instanceof z.ZodError ? `${error.issues[0]?.path.join(".")}: ${error.issues[0]?.message}` : (error as Error).message;
    throw invalid(`${file}: ${problem}`, error);
  }
}

/** Any export will do, under whatever name: a definition says itself what it is called. */
async function load(name: string, path: string): Promise<BackendDefinition> {
  const module = (await import(pathToFileURL(path).href)) as Record<string, unknown>;
  const definition = Object.values(module).find((value) => {
    const candidate = value as Partial<BackendDefinition> | null | undefined;
    return typeof candidate === "object" && candidate?.name === name && typeof candidate.turn === "function";
  });
  if (!definition) throw new SlipwayError("BACKEND_NOT_INSTALLED", `${path} exports no backend called ${name}; \`defineBackend\` makes one.`);
  return definition as BackendDefinition;
}

function invalid(problem: string, cause?: unknown): SlipwayError {
  const hint = "SLIPWAY_BACKENDS names a folder with a package.json whose dependencies are installed: `npm install PACKAGE` there.";
  return new SlipwayError("INVALID_CONFIG", `The backends of this machine cannot be read: ${problem}.`, { hint }, { cause });
}
