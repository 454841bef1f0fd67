import { CHECK_NAMES, type CheckName } from "@slipway/protocol/checks";
import { SlipwayError } from "@slipway/protocol/errors";
import { nearestKey } from "@slipway/protocol/nearest-key";
import { BACKEND_NEEDS, type BackendNeed, type Fallback } from "@slipway/protocol/routing";
import { nameSchema } from "@slipway/protocol/scalars";
import { InvalidArgumentError } from "commander";
import { parseSettings } from "../terminal/parse.ts";

/** Capabilities of backends, with commas between; may be repeated. */
export function gatherNeeds(text: string, before: BackendNeed[] = []): BackendNeed[] {
  return gatherOf("capability", BACKEND_NEEDS, text, before);
}

/** Checks, with commas between; may be repeated. */
export function gatherChecks(text: string, before: CheckName[] = []): CheckName[] {
  return gatherOf("check", CHECK_NAMES, text, before);
}

function gatherOf<T extends string>(what: string, known: readonly T[], text: string, before: readonly T[]): T[] {
  const named = text.split(",").map((name) => name.trim());
  return [...new Set([...before, ...named.map((name) => oneOf(what, known, name))])];
}

function oneOf<T extends string>(what: string, known: readonly T[], name: string): T {
  const found = known.find((one) => one === name);
  if (found !== undefined) return found;
  const near = nearestKey(name, known);
  throw new InvalidArgumentError(
    `There is no ${what} "${name}"${near === undefined ? "." : `; did you mean ${near}?`} Expected one or more of ${known.join(", ")}, with commas between.`,
  );
}

/** `--fallback NAME`, or `NAME,key=value,…` with settings of its own, as the API takes them. INVALID_REQUEST. */
export async function parseFallbacks(texts: readonly string[]): Promise<Fallback[]> {
  return await Promise.all(texts.map(fallbackOf));
}

async function fallbackOf(text: string): Promise<Fallback> {
  const [name = "", ...pairs] = text.split(",").map((part) => part.trim());
  const wrong = pairs.find((pair) => !/^[^=]+=/.test(pair));
  if (!nameSchema.safeParse(name).success || wrong !== undefined) {
    const hint = "Such as --fallback codex, or --fallback codex,model=gpt-5-mini; one option for each fallback, in their order.";
    const found = wrong === undefined ? name : wrong;
    throw new SlipwayError("INVALID_REQUEST", `--fallback expects a backend's name, and settings behind it as key=value; found "${found}".`, {
      ...{ field: "fallbacks", value: text, expected: "NAME or NAME,key=value" },
      hint,
    });
  }
  return pairs.length === 0 ? name : { backend: name, config: (await parseSettings(pairs)).values };
}
