import { SlipwayError } from "@slipway/protocol/errors";
import { type Found, GATE_KINDS, type Line, type Project } from "./project.ts";
import { nodeHosts } from "./registries.ts";

interface PackageJson {
  readonly scripts?: Readonly<Record<string, unknown>>;
  readonly packageManager?: unknown;
  readonly workspaces?: unknown;
  readonly dependencies?: object;
  readonly devDependencies?: object;
}

/** npm, pnpm or yarn, by the lockfile, else by the field `packageManager`. INVALID_CONFIG where package.json is no JSON. */
export function nodeProject(project: Project): Found | undefined {
  if (!project.names.has("package.json")) return undefined;
  const manifest = parsed(project.text("package.json"));
  const [manager, install] = installOf(project, manifest);
  const scripts = manifest.scripts ?? {};
  const gates = GATE_KINDS.flatMap((kind) => {
    const script = scripts[kind];
    // What `npm init` writes, and what fails by design.
    if (typeof script !== "string" || script.includes("no test specified")) return [];
    const run = kind === "test" ? `${manager} test` : `${manager} run ${kind}`;
    return [[kind, { run, why: `the script "${kind}" of package.json` }] as const];
  });
  const isMonorepo = manifest.workspaces !== undefined || project.names.has("pnpm-workspace.yaml") || project.names.has("lerna.json");
  return {
    of: "node",
    setup: install ? [install] : [],
    hosts: install ? nodeHosts(project, manager) : [],
    gates: Object.fromEntries(gates),
    notes: isMonorepo ? ["This is a monorepo: only the root was looked at. Add gates for packages that its scripts leave out."] : [],
    makes: install ? ["node_modules"] : [],
    kept: install ? keptOf(project, manifest, isMonorepo) : undefined,
  };
}

function installOf({ names }: Project, manifest: PackageJson): readonly [manager: string, install: Line | undefined] {
  const named = typeof manifest.packageManager === "string" ? /^(npm|pnpm|yarn)@/.exec(manifest.packageManager)?.[1] : undefined;
  if (names.has("pnpm-lock.yaml")) return ["pnpm", { run: "pnpm install --frozen-lockfile", why: "pnpm-lock.yaml: exactly what it names is installed" }];
  if (names.has("yarn.lock")) {
    const flag = names.has(".yarnrc.yml") ? "--immutable" : "--frozen-lockfile";
    return ["yarn", { run: `yarn install ${flag}`, why: "yarn.lock: exactly what it names is installed" }];
  }
  const lock = ["package-lock.json", "npm-shrinkwrap.json"].find((name) => names.has(name));
  if (lock) return ["npm", { run: "npm ci", why: `${lock}: exactly what it names is installed` }];
  const manager = named ?? "npm";
  const needsAny = Object.keys({ ...manifest.dependencies, ...manifest.devDependencies }).length > 0;
  return [manager, needsAny ? { run: `${manager} install`, why: "package.json names packages, and there is no lockfile" } : undefined];
}

/** Scripts that an install runs: they may read any file. */
const INSTALL_SCRIPTS = ["preinstall", "install", "postinstall", "preprepare", "prepare", "postprepare"];
const LOCKFILES = ["package-lock.json", "npm-shrinkwrap.json", "pnpm-lock.yaml", "yarn.lock"];

function keptOf({ names, text }: Project, manifest: PackageJson, isMonorepo: boolean): Found["kept"] {
  const locks = LOCKFILES.filter((name) => names.has(name));
  // Without a lockfile every run gives something else; the packages of a monorepo have folders of their own; yarn 2 keeps what it installs elsewhere.
  if (locks.length === 0 || isMonorepo || names.has(".yarnrc.yml")) return undefined;
  const runsScripts = INSTALL_SCRIPTS.some((name) => manifest.scripts?.[name] !== undefined);
  const isLocal = /"(file|link|portal):/.test(text("package.json"));
  if (runsScripts || isLocal) return { inputs: undefined };
  const settings = [".npmrc", ".yarnrc", ".pnpmfile.cjs", "patches"].filter((name) => names.has(name));
  return { inputs: ["package.json", ...locks, ...settings] };
}

function parsed(text: string): PackageJson {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null) return value;
  } catch (error) {
    throw new SlipwayError(
      "INVALID_CONFIG",
      "package.json is no JSON.",
      { file: "package.json", hint: "Mend it, then `slipway init` again." },
      { cause: error },
    );
  }
  throw new SlipwayError("INVALID_CONFIG", "package.json holds no object.", { file: "package.json", hint: "Mend it, then `slipway init` again." });
}
