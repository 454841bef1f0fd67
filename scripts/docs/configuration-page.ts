import { ENVIRONMENT_VARIABLES } from "@slipway/protocol/environment-variables";
import { GATEWAY_CONFIG_FILE, gatewayConfigSchema } from "@slipway/protocol/gateway-config";
import { INSTALLATION_CONFIG_FILE, installationConfigSchema } from "@slipway/protocol/installation-config";
import { REPOSITORY_CONFIG_FILE, repositoryConfigSchema } from "@slipway/protocol/repository-config";
import type { z } from "zod";
import { keysOf } from "./schema-keys.ts";

/** The page of all that can be set: the keys of the three files, from their schemas, and the environment variables, from their table. */
export function configurationPage(note: string): string {
  const variables = ENVIRONMENT_VARIABLES.map(({ name, readBy, fallback, meaning }) => row([`\`${name}\``, meaning, fallback, readBy]));
  return [
    note,
    "# Configuration",
    "",
    "Nothing has to be set. What a single job is given (`--backend`, `--budget-usd`, `--timeout` …) is in `slipway run --help`.",
    "",
    "| who says it | where | wins over |",
    "|---|---|---|",
    "| a command | its options | all below |",
    "| a shell | environment variables | the files |",
    `| a repository, of its jobs | \`${REPOSITORY_CONFIG_FILE}\` at the base commit | the installation |`,
    `| the installation | \`${INSTALLATION_CONFIG_FILE}\` | the defaults |`,
    "",
    "`slipway config` shows what holds and where each value comes from; `slipway config check` reads all three files and says what is wrong in them. `slipway init`",
    `proposes a \`${REPOSITORY_CONFIG_FILE}\` for the repository that it is called in.`,
    "",
    "A key that is not known is an error, in each of the files, and names the nearest one that is. For editors there are JSON Schemas:",
    "[repository-config](schemas/repository-config.json), [installation-config](schemas/installation-config.json), [gateway-config](schemas/gateway-config.json).",
    "",
    `## \`${REPOSITORY_CONFIG_FILE}\``,
    "",
    "What a repository says of itself, in its root. A job reads it at its base commit, never from the agent's version.",
    "",
    ...keyTable(repositoryConfigSchema),
    "",
    `## \`${INSTALLATION_CONFIG_FILE}\``,
    "",
    "What the installation says, in the data folder. Read by `slipway up` when it starts, and by each command that starts something itself; no secret stands in it.",
    "",
    ...keyTable(installationConfigSchema),
    "",
    `## \`${GATEWAY_CONFIG_FILE}\``,
    "",
    "The model gateway's configuration, in the data folder. Keys of models never stand in it ([gateway.md](gateway.md)).",
    "",
    ...keyTable(gatewayConfigSchema),
    "",
    "## Environment",
    "",
    "Read when a command or a part starts. What the command line starts gets of these only what is its own. Options win over variables.",
    "",
    "| variable | what it sets | without it | read by |",
    "|---|---|---|---|",
    ...variables,
    "",
  ].join("\n");
}

function keyTable(schema: z.ZodType): string[] {
  const rows = keysOf(schema).map(({ key, type, fallback, description }) => row([`\`${key}\``, type, fallback, description]));
  return ["| key | type | without it | what it is |", "|---|---|---|---|", ...rows];
}

/** A bar would end the cell. */
function row(cells: readonly string[]): string {
  return `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
}
