import { installCommand } from "../backends/install-agent.ts";
import { withoutKey } from "../models/provider-text.ts";
import type { Check } from "./check.ts";

/** A family of checks that fail alike is one for people: agents that are not here, and providers without a key, which nobody need have all of. */
export function foldChecks(checks: readonly Check[]): Check[] {
  const missing = checks.filter(isMissingAgent);
  const keyless = checks.filter((one) => missingKey(one) !== undefined);
  return checks.flatMap((one) => {
    if (missing.length > 1 && missing.includes(one)) return one === missing[0] ? [foldedAgents(one, missing)] : [];
    if (keyless.length > 1 && keyless.includes(one)) return one === keyless[0] ? [foldedKeys(one, keyless)] : [];
    return [one];
  });
}

function isMissingAgent({ group, name, ok, remedy }: Check): boolean {
  return group === "backends" && !ok && remedy === installCommand(name);
}

/** Such as OPENAI_API_KEY. */
function missingKey({ group, ok, found }: Check): string | undefined {
  return group === "gateway" && !ok ? /^no ([A-Z][A-Z0-9_]*)$/.exec(found)?.[1] : undefined;
}

function foldedAgents(first: Check, all: readonly Check[]): Check {
  const found = `not on this machine: ${all.map(({ name }) => name).join(", ")}`;
  return { ...first, name: "agents", found, tried: "the probe of each", lost: "jobs with one of these backends are blocked", remedy: installCommand("NAME") };
}

function foldedKeys(first: Check, all: readonly Check[]): Check {
  const key = missingKey(first) ?? "";
  const [found, remedy] = withoutKey(
    all.map((one) => ({ provider: one.name, keyName: missingKey(one) ?? "" })),
    first.remedy ?? "",
  );
  const lost = "jobs whose agent asks one of these providers cannot go on";
  return { ...first, name: "keys", found, tried: first.tried.replaceAll(key, "NAME"), lost, remedy };
}
