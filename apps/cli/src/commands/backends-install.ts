import { SlipwayError } from "@slipway/protocol/errors";
import type { Command } from "commander";
import { configuredSandbox } from "../backends/ask-images.ts";
import { listBackends, probeBackends } from "../backends/ask-runner.ts";
import { installAgent } from "../backends/install-agent.ts";
import { EXIT_CODES } from "../exit-codes.ts";
import { dataFolder, makeDataFolder } from "../stack/data-folder.ts";
import { commandLines, printable, wrap } from "../terminal/text.ts";
import { type CommonOptions, exitWith, screenOf, withCommon } from "./options.ts";

interface InstallOptions extends CommonOptions {
  readonly python?: string;
}

export function addBackendsInstall(backends: Command): void {
  withCommon(backends.command("install").argument("<name>", "the backend whose agent is wanted"))
    .summary("install the agent of a backend for host mode, in the tested release")
    .description(
      "Installs the agent's package from its registry into the data folder, in the release that the backend was tested with. Workers of this data folder take it before any other on PATH; your own installation stays as it is. Images have their own: `slipway images build NAME`.",
    )
    .option("--python <program>", "for an agent in Python: the Python that it is installed with, instead of the newest one here")
    .action(installCommand);
}

async function installCommand(name: string, options: InstallOptions): Promise<void> {
  const screen = screenOf(options);
  const data = dataFolder(options.data);
  makeDataFolder(data);
  const listed = await listBackends(data);
  if (!listed.ok) throw new SlipwayError("INTERNAL", `The runner does not say which backends are here: ${listed.found}`);
  const manifest = listed.value.manifests.find((one) => one.name === name);
  if (!manifest) {
    const expected = listed.value.manifests.map((one) => one.name).sort();
    throw new SlipwayError("NOT_FOUND", `There is no backend called ${name}; expected one of ${expected.join(", ")}.`, {
      field: "name",
      value: name,
      expected,
    });
  }
  const [first] = [...manifest.image.npm, ...(manifest.image.pip ?? [])];
  if (first !== undefined) screen.progress(`installing ${first} …`);
  const agent = await installAgent(data, manifest, options.python);
  const probed = await probeBackends(data);
  const probe = probed.ok ? probed.value.find(({ backend }) => backend === name) : undefined;
  const found = probe?.found ?? (probed.ok ? "the runner says nothing of it" : probed.found);
  screen.document({ backend: name, ...agent, ok: probe?.ok === true, found, remedy: probe?.remedy ?? null });
  screen.print(
    `${agent.packages.length > 3 ? `${agent.packages.length} packages` : agent.packages.join(" ")} ${agent.wasThere ? "here already" : "installed"}: ${agent.folder}`,
  );
  const { colors } = screen;
  for (const line of wrap(`${name}: ${printable(found)}`, screen.width)) screen.print(probe?.ok ? colors.green(line) : colors.yellow(line));
  for (const line of probe?.ok ? [] : commandLines(probe?.remedy ?? "`slipway doctor`", screen.width - 2)) screen.print(`  ${line}`);
  if ((await configuredSandbox(data)) === "docker")
    screen.warn(`The workers of this data folder run jobs in containers, which have the agents of their image: \`slipway images build ${name}\`.`);
  exitWith(probe?.ok ? EXIT_CODES.ok.code : EXIT_CODES.environment.code);
}
