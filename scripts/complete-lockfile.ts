/**
 * Adds to package-lock.json the optional platform packages that the registry in use could not serve when the lockfile was made (mirrors often
 * hold the packages of one platform only). npm leaves such packages out of the lockfile and then refuses it in `npm ci`, on every platform.
 * Only name, version and platform are written: a machine of that platform fetches the package itself. `--check` writes nothing and fails
 * where something is missing.
 */
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { parseArgs } from "node:util";

interface LockEntry {
  version?: string;
  dev?: boolean;
  optional?: boolean;
  os?: string[];
  cpu?: string[];
  libc?: string[];
  optionalDependencies?: Record<string, string>;
}

const SYSTEMS = ["android", "darwin", "freebsd", "linux", "openharmony", "win32"];
const PROCESSORS = ["arm64", "x64", "arm", "ia32", "ppc64", "riscv64", "s390x", "loong64", "wasm32"];

/** Platform fields from a name such as `@x/binding-linux-x64-musl`, or undefined where the name tells of no platform. */
function platformOf(name: string): Pick<LockEntry, "os" | "cpu" | "libc"> | undefined {
  const words = name.split(/[-/]/);
  const os = words.find((word) => SYSTEMS.includes(word));
  const cpu = words.find((word) => PROCESSORS.includes(word));
  if (!os || !cpu) return undefined;
  if (os !== "linux") return { cpu: [cpu], os: [os] };
  return { cpu: [cpu], libc: [words.some((word) => word.startsWith("musl")) ? "musl" : "glibc"], os: [os] };
}

function missingEntries(packages: Record<string, LockEntry>): Record<string, LockEntry> {
  const missing: Record<string, LockEntry> = {};
  for (const entry of Object.values(packages)) {
    for (const [name, version] of Object.entries(entry.optionalDependencies ?? {})) {
      const platform = platformOf(name);
      // A range would need the registry to resolve it; platform packages are always pinned.
      if (!platform || !/^\d+\.\d+\.\d+/.test(version) || packages[`node_modules/${name}`]) continue;
      missing[`node_modules/${name}`] = { version, ...platform, ...(entry.dev ? { dev: true } : {}), optional: true };
    }
  }
  return missing;
}

const { values } = parseArgs({ options: { check: { type: "boolean", default: false }, root: { type: "string", default: join(import.meta.dirname, "..") } } });
const file = join(values.root, "package-lock.json");
const lock = JSON.parse(await readFile(file, "utf8")) as { packages: Record<string, LockEntry> };
const missing = missingEntries(lock.packages);
const names = Object.keys(missing);
if (names.length === 0) console.log("package-lock.json is complete.");
else if (values.check) {
  console.error(
    `package-lock.json lacks ${names.length} platform packages, such as ${names[0]}; npm ci would refuse it. Run: node scripts/complete-lockfile.ts`,
  );
  process.exitCode = 1;
} else {
  // npm orders entries by path, compared as plain text.
  lock.packages = Object.fromEntries(Object.entries({ ...lock.packages, ...missing }).sort(([a], [b]) => a.localeCompare(b, "en")));
  await writeFile(file, `${JSON.stringify(lock, null, 2)}\n`);
  console.log(`Added ${names.length} platform packages to package-lock.json.`);
}
