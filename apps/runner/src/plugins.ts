import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { BackendDefinition } from "@slipway/backend-sdk/backend";
import { toManifest } from "@slipway/backend-sdk/manifest";
import { SlipwayError } from "@slipway/protocol/errors";
import { type BrokenBackend, CONTRACT_VERSION } from "@slipway/protocol/manifest";
import { AUTO_BACKEND } from "@slipway/protocol/routing";
import { nameSchema } from "@slipway/protocol/scalars";
import { z } from "zod";
import { BrokenPlugin } from "./broken-plugin.ts";

const FOLDER = "an npm project: a folder with a package.json whose dependencies are installed";
const EXPORT = "a module that exports what `defineBackend` gives, under the name that package.json says";
const CONTRACT = `the contract of version ${CONTRACT_VERSION}, which this Slipway has`;
/** A module that waits for something while it is loaded must not hold the others up for ever. */
const LOAD_LIMIT_MS = 10_000;
const CHECK_LIMIT_MS = 5_000;

const ownSchema = z.object({ contract: z.int().optional(), backends: z.record(nameSchema, z.string().startsWith("./")).default({}) });
const packageSchema = z.object({ slipway: ownSchema.optional() });
const folderSchema = packageSchema.extend({ dependencies: z.record(z.string(), z.string()).default({}) });

type Loader = () => Promise<BackendDefinition>;
/** Where a package lies. */
interface Place {
  readonly name: string;
  readonly root: string;
}

/** The backends of a plugin folder, none of them loaded yet, and those of which is known without that that they cannot be. */
export interface Plugins {
  /** By the backend's name. One that is broken rejects with BrokenPlugin. */
  readonly loaders: ReadonlyMap<string, Loader>;
  readonly broken: readonly BrokenBackend[];
}

/**
 * Reads a plugin folder. It is an npm project of its own; a package that it depends on, or the project itself, brings the backends that its package.json
 * names: `"slipway": { "backends": { "parrot": "./dist/backend.js" } }`. A name belongs to the first package that has it, and those in `taken` to nobody here.
 * INVALID_CONFIG where the folder is no such project; what is wrong with one package spoils no other.
 */
export function readPlugins(folder: string, taken: ReadonlySet<string> = new Set()): Plugins {
  const loaders = new Map<string, Loader>();
  const owners = new Map<string, string>(Array.from(taken, (name) => [name, "Slipway itself"]));
  const broken: BrokenBackend[] = [];
  const project = readProject(folder);
  for (const place of [{ name: "(the folder itself)", root: folder }, ...Object.keys(project.dependencies).map((name) => placeOf(folder, name))]) {
    try {
      const { contract, backends } = readPackage(place, folder);
      for (const [name, path] of Object.entries(backends)) {
        const owner = owners.get(name);
        if (name === AUTO_BACKEND) broken.push(nameReserved(place).broken);
        else if (owner === undefined) loaders.set(name, () => load(name, place, join(place.root, path), contract));
        else broken.push(nameTaken(name, owner, place).broken);
        owners.set(name, owner ?? place.name);
      }
    } catch (error) {
      if (!(error instanceof BrokenPlugin)) throw error;
      broken.push(error.broken);
    }
  }
  return { loaders, broken };
}

function placeOf(folder: string, name: string): Place {
  return { name, root: join(folder, "node_modules", name) };
}

function readProject(folder: string): z.output<typeof folderSchema> {
  const file = join(folder, "package.json");
  try {
    return folderSchema.parse(JSON.parse(readFileSync(file, "utf8")));
  } catch (error) {
    const hint = "SLIPWAY_BACKENDS (`worker.backendsFolder`) names a folder with a package.json whose dependencies are installed: `npm install PACKAGE` there.";
    const problem = `The backends of this machine cannot be read: ${file}: ${wordsOf(error)}. Expected ${FOLDER}.`;
    throw new SlipwayError("INVALID_CONFIG", problem, { file, expected: FOLDER, hint }, { cause: error });
  }
}

/** What a package says of itself. BrokenPlugin where it is not there, or says it wrongly. */
function readPackage({ name, root }: Place, folder: string): z.output<typeof ownSchema> {
  const file = join(root, "package.json");
  const at = { name: name.slice(0, 214), package: name, file };
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    const problem = `the package is not installed: ${wordsOf(error)}`;
    throw new BrokenPlugin({ ...at, problem, expected: "a package that is installed", remedy: `cd ${folder} && npm install` }, error);
  }
  try {
    return packageSchema.parse(JSON.parse(text)).slipway ?? ownSchema.parse({});
  } catch (error) {
    const expected = '"slipway": { "contract": 1, "backends": { "NAME": "./path/of/module.js" } }';
    throw new BrokenPlugin({ ...at, problem: wordsOf(error), expected, remedy: `Mend ${file}, or ask the package's author.` }, error);
  }
}

function nameTaken(name: string, owner: string, place: Place): BrokenPlugin {
  const problem = `the backend ${name} is brought by ${owner} already, and that one stays`;
  const remedy = `npm uninstall ${place.name}, or give its backend another name.`;
  return new BrokenPlugin({ name, package: place.name, file: join(place.root, "package.json"), problem, expected: "a name that no other backend has", remedy });
}

function nameReserved(place: Place): BrokenPlugin {
  const problem = "no backend may be called auto: a job that names it leaves the choice to the server";
  const remedy = `Give the backend another name in \`slipway.backends\` and in its definition, or npm uninstall ${place.name}.`;
  const file = join(place.root, "package.json");
  return new BrokenPlugin({ name: AUTO_BACKEND, package: place.name, file, problem, expected: "a name that no other backend has", remedy });
}

/** Any export will do, under whatever name: a definition says itself what it is called. */
async function load(name: string, place: Place, file: string, contract: number | undefined): Promise<BackendDefinition> {
  const broken = (problem: string, expected: string, remedy: string, cause?: unknown): BrokenPlugin =>
    new BrokenPlugin({ name, package: place.name, file, problem, expected, remedy }, cause);
  const otherVersion = (version: number): BrokenPlugin => {
    const remedy = version > CONTRACT_VERSION ? "Update Slipway, or install an older release of the package." : `Install a newer release of ${place.name}.`;
    return broken(`it is written for version ${version} of the contract`, CONTRACT, remedy);
  };
  if (contract !== undefined && contract !== CONTRACT_VERSION) throw otherVersion(contract);
  if (!existsSync(file))
    throw broken("there is no such file", EXPORT, "Build the package (`npm run build` in it), or mend `slipway.backends` in its package.json.");
  const module = await importWithin(file).catch((error: unknown) => {
    throw broken(loadProblem(error, file), EXPORT, loadRemedy(error, place), error);
  });
  const definition = Object.values(module).find((value): value is BackendDefinition => {
    const candidate = value as Partial<BackendDefinition> | null | undefined;
    return typeof candidate === "object" && candidate?.name === name && typeof candidate.turn === "function";
  });
  if (!definition) {
    const named = Object.values(module).flatMap((value) => (value as Partial<BackendDefinition> | null | undefined)?.name ?? []);
    const others = named.length > 0 ? `; it has ${named.join(", ")}` : "";
    throw broken(`it exports no backend called ${name}${others}`, EXPORT, `Export \`defineBackend({ name: "${name}", … })\` from it.`);
  }
  const version = definition.contractVersion ?? 1;
  if (version !== CONTRACT_VERSION) throw otherVersion(version);
  try {
    toManifest(definition);
  } catch (error) {
    throw broken(wordsOf(error), "a definition that `defineBackend` takes", `Mend the definition, or install another release of ${place.name}.`, error);
  }
  return definition;
}

async function importWithin(file: string): Promise<Record<string, unknown>> {
  const limit = Promise.withResolvers<never>();
  const timer = setTimeout(() => limit.reject(new Error(`it was not loaded within ${LOAD_LIMIT_MS} ms`)), LOAD_LIMIT_MS);
  try {
    return await Promise.race([import(pathToFileURL(file).href) as Promise<Record<string, unknown>>, limit.promise]);
  } finally {
    clearTimeout(timer);
  }
}

function loadProblem(error: unknown, file: string): string {
  if (!(error instanceof SyntaxError)) return `it throws while it is loaded: ${wordsOf(error)}`;
  return `it is no JavaScript that can be read: ${error.message}${placeOfSyntaxError(file)}`;
}

/** Node tells a program no place for a syntax error, but a person who has the file checked. Empty where the mistake is in what the file imports. */
function placeOfSyntaxError(file: string): string {
  const { stderr } = spawnSync(process.execPath, ["--check", file], { encoding: "utf8", timeout: CHECK_LIMIT_MS });
  const place = /^(?:file:\/\/)?(\/.*:\d+)$/m.exec(stderr)?.[1];
  return place === undefined ? "" : ` (${place})`;
}

function loadRemedy(error: unknown, { name, root }: Place): string {
  const code = (error as NodeJS.ErrnoException | undefined)?.code;
  if (code === "ERR_MODULE_NOT_FOUND" || code === "MODULE_NOT_FOUND") return `npm install, where ${name} is installed: something that it needs is missing.`;
  if (code === "ERR_UNSUPPORTED_NODE_MODULES_TYPE_STRIPPING")
    return "Have package.json name the compiled JavaScript: Node runs no TypeScript under node_modules.";
  return `Mend ${root}, or install another release of ${name}.`;
}

function wordsOf(error: unknown): string {
  if (error instanceof z.ZodError) return `${error.issues[0]?.path.join(".")}: ${error.issues[0]?.message}`;
  return error instanceof Error ? error.message : String(error);
}
