import { realpath } from "node:fs/promises";
import { dirname, join } from "node:path";
import { executableAt, findProgram } from "@slipway/backend-sdk/find-program";

/** Packages of the native program and the folder in each, by platform and architecture, as the npm package's own start script has them. */
const NATIVE: Readonly<Record<string, readonly [packageName: string, target: string]>> = {
  "linux-x64": ["codex-linux-x64", "x86_64-unknown-linux-musl"],
  "linux-arm64": ["codex-linux-arm64", "aarch64-unknown-linux-musl"],
  "darwin-x64": ["codex-darwin-x64", "x86_64-apple-darwin"],
  "darwin-arm64": ["codex-darwin-arm64", "aarch64-apple-darwin"],
};

/**
 * The program to start for `command`, a path or a name on PATH; undefined where there is none. The npm package's command is a Node script that starts the
 * native program: where that can be found, it is taken directly, which saves the start of a Node.
 */
export async function findCodex(command: string, path: string | undefined): Promise<string | undefined> {
  const found = await findProgram(command, path);
  if (found === undefined) return undefined;
  return (await nativeBeside(found)) ?? found;
}

async function nativeBeside(command: string): Promise<string | undefined> {
  const script = await realpath(command);
  const native = NATIVE[`${process.platform}-${process.arch}`];
  if (!script.endsWith("/bin/codex.js") || !native) return undefined;
  const [packageName, target] = native;
  const root = dirname(dirname(script));
  // npm puts the platform's package inside for a global installation, and beside for a local one.
  const places = [join(root, "node_modules/@openai", packageName, "vendor"), join(dirname(root), packageName, "vendor"), join(root, "vendor")];
  for (const vendor of places) {
    const found = await executableAt(join(vendor, target, "bin/codex"));
    if (found !== undefined) return found;
  }
  return undefined;
}
