import { resolve } from "node:path";
import { SlipwayError } from "@slipway/protocol/errors";
import { type Command, InvalidArgumentError } from "commander";
import { listBackends } from "../backends/ask-runner.ts";
import { newBackend } from "../backends/new-backend.ts";
import { dataFolder } from "../stack/data-folder.ts";
import { shellWord } from "../terminal/shell.ts";
import { type CommonOptions, screenOf, withCommon } from "./options.ts";

interface NewOptions extends CommonOptions {
  readonly folder?: string;
}

/** It becomes a part of a package's name too. */
const NAME = /^[a-z0-9][a-z0-9._-]{0,49}$/;

export function addBackendsNew(backends: Command): void {
  withCommon(backends.command("new").argument("<name>", "what the backend is called", parseName))
    .summary("write the package of a backend of your own, from a template")
    .description(
      "Writes an npm package with a backend in TypeScript that drives a tiny agent of its own, and tests that it passes at once. Put your agent in the tiny one's place.",
    )
    .option("--folder <folder>", "where to write it (default: ./slipway-backend-NAME)")
    .action(async (name: string, options: NewOptions) => {
      const screen = screenOf(options);
      const known = await listBackends(dataFolder(options.data));
      if (known.ok && known.value.manifests.some((manifest) => manifest.name === name)) {
        const hint = "Choose another name; `slipway backends` lists those that are taken.";
        throw new SlipwayError("INVALID_REQUEST", `There is a backend called ${name} on this machine already.`, { field: "name", value: name, hint });
      }
      screen.progress("packing Slipway's SDK …");
      const made = await newBackend(name, resolve(options.folder ?? `slipway-backend-${name}`));
      screen.document(made);
      screen.print(`${made.folder}: the backend ${name}, with a tiny agent in the place of yours`);
      screen.print(screen.colors.dim(`Next: cd ${shellWord(made.folder)} && npm install && npm test`));
    });
}

function parseName(text: string): string {
  if (NAME.test(text)) return text;
  throw new InvalidArgumentError("Expected lower-case letters, digits and . _ -, at most 50, such as my-agent.");
}
