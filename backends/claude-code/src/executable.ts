import { realpath } from "node:fs/promises";
import { dirname, join } from "node:path";
import { executableAt, findProgram } from "@slipway/backend-sdk/find-program";

/**
 * The program to start for `command`, a path or a name on PATH; undefined where there is none. The npm package's command is a stub until the package's install
 * script has run, which npm may have been told not to: where the native program stands beside it, that one is taken.
 */
export async function findClaude(command: string, path: string | undefined): Promise<string | undefined> {
  const found = await findProgram(command, path);
  if (found === undefined) return undefined;
  return (await nativeBeside(found)) ?? found;
}

async function nativeBeside(command: string): Promise<string | undefined> {
  const script = await realpath(command);
  if (!/\/claude-code\/(bin\/claude\.exe|cli-wrapper\.cjs)$/.test(script)) return undefined;
  const root = script.endsWith(".exe") ? dirname(dirname(script)) : dirname(script);
  const native = `claude-code-${process.platform}-${process.arch}`;
  // npm puts the platform's package inside for a global installation, and beside for a local one; where the C library is musl it has another name.
  for (const folder of [join(root, "node_modules/@anthropic-ai"), dirname(root)]) {
    for (const name of [native, `${native}-musl`]) {
      const found = await executableAt(join(folder, name, "claude"));
      if (found !== undefined) return found;
    }
  }
  return undefined;
}
