import { pipeline } from "node:stream/promises";
import { SlipwayError } from "@slipway/protocol/errors";
import type { Command } from "commander";
import type { BuildCommandOptions } from "../images/build.ts";
import { type CommonOptions, exitWith, screenOf, withCommon } from "./options.ts";

/** What only these commands need, the engine's client first of all, is loaded by each when it runs. */
export function addImages(program: Command): void {
  const images = program
    .command("images")
    .summary("the images of containers: build them, list them, try them")
    .description(
      "The images that sandboxes in containers run: `base`, one for each backend that needs more, `all` with all of them, and `stack` with the daemons for docker compose.",
    );
  withCommon(images.command("list", { isDefault: true }))
    .summary("which are there; `slipway images` alone does too, and --json adds what is installed in each")
    .action(async (options: CommonOptions) => await (await import("../images/list.ts")).listImages(screenOf(options), options.data));
  withInputs(withCommon(images.command("build").argument("[name...]", "only these, such as base, codex, all or stack; the base goes with each")))
    .summary("build images with the engine of this machine")
    .description(
      "Builds the images of the backends on this machine from this checkout. Steps that were built before, from the same files, are not built again.",
    )
    .option("--network <mode>", "network of the build's own commands, such as host")
    .option("--no-cache", "build every step anew, with today's packages")
    .option("--pull", "have the engine look for a newer base image")
    .option("--verbose", "show all that the builds say")
    .action(async (names: string[], options: CommonOptions & BuildCommandOptions) => {
      await (await import("../images/build.ts")).buildImages(screenOf(options), names, options);
    });
  withCommon(images.command("doctor").argument("[name...]", "only these"))
    .summary("try images: are they of this checkout, do runner and backends answer inside")
    .description("Runs each image as a sandbox would, without network and read-only, and asks its runner. Ends with 1 where something required is missing.")
    .action(async (names: string[], options: CommonOptions) => {
      const { checkImages } = await import("../images/doctor.ts");
      const { reportChecks } = await import("../doctor/report-checks.ts");
      const screen = screenOf(options);
      exitWith(reportChecks(screen, await checkImages(options.data, names)));
    });
  withInputs(images.command("context").argument("<name>", "such as base, codex, all or stack"))
    .summary("write what a build reads to standard output, for another builder")
    .description("A tar archive with the Dockerfile and all that it reads, for `docker build -` with BuildKit, or for a builder elsewhere.")
    .option("--data <folder>", "data folder (default: $SLIPWAY_DATA, or ~/.local/share/slipway)")
    .action(contextCommand);
}

function withInputs(command: Command): Command {
  return command
    .option("--base-image <image>", "image that they stand on (default: the public image of Node 24 on Debian 13)")
    .option("--extra-ca-certs <file>", "certificates for the build's downloads; not in the images");
}

async function contextCommand(name: string, options: Pick<BuildCommandOptions, "data" | "baseImage" | "extraCaCerts">): Promise<void> {
  if (process.stdout.isTTY) {
    const hint = `Pipe it: \`slipway images context ${name} | docker build --tag NAME -\`.`;
    throw new SlipwayError("INVALID_REQUEST", "A terminal is no place for a tar archive.", { hint });
  }
  const [{ contextSettings }, { knownImages }, { buildContext }, { dataFolder }] = await Promise.all([
    import("../images/build.ts"),
    import("../images/known-images.ts"),
    import("@slipway/images/context/build-context"),
    import("../stack/data-folder.ts"),
  ]);
  const data = dataFolder(options.data);
  const [image] = await knownImages(data, [name]);
  if (image) await pipeline(await buildContext(image.plan, await contextSettings(data, options)), process.stdout);
}
