import { SlipwayError } from "@slipway/protocol/errors";
import type { SandboxCommand } from "../sandbox.ts";
import { INSIDE } from "./mounts.ts";

/**
 * What the waiting shell of a container is told on its standard input: the command, with its environment and no other, and no standard input of its own.
 * Over the input, because argv and the engine's record of a container can be read by others. That input stays open while its worker lives, and with its end
 * all of it ends. In braces, so that the shell has read the whole before it runs any of it. INVALID_CONFIG where a text holds a zero byte.
 */
export function commandScript({ argv, env }: Pick<SandboxCommand, "argv" | "env">): string {
  const broken = [...argv, ...Object.entries(env).flat()].find((text) => text.includes("\0"));
  if (broken !== undefined)
    throw new SlipwayError("INVALID_CONFIG", `A variable or argument for a sandbox holds a zero byte: ${JSON.stringify(broken.slice(0, 100))}.`);
  const [program = ""] = argv;
  if (program === "" || program.includes("=")) throw new SlipwayError("INVALID_CONFIG", `No program can be called ${JSON.stringify(program)}.`);
  const variables = Object.entries({ HOME: INSIDE.home, ...env }).map(([name, value]) => {
    if (name === "" || name.includes("=")) throw new SlipwayError("INVALID_CONFIG", `No environment variable can be called ${JSON.stringify(name)}.`);
    return quoted(`${name}=${value}`);
  });
  // PATH comes with the container where the command names none.
  const path = "PATH" in env ? [] : ['"PATH=$PATH"'];
  const words = ["env", "-i", ...path, ...variables, ...argv.map(quoted)].join(" ");
  return `{ ${words} </dev/null 3<&- & c=$!; { cat <&3 >/dev/null 2>&1; kill -9 -1; } & exec 3<&-; wait $c; exit $?; } 3<&0\n`;
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
