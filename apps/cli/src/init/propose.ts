import { parseRepositoryConfig } from "@slipway/protocol/parse-repository-config";
import type { RepositoryConfig } from "@slipway/protocol/repository-config";
import { nodeProject } from "./node-project.ts";
import { cargoProject, goProject, makeProject } from "./other-projects.ts";
import { type Found, GATE_KINDS, type Host, type Line, type Project } from "./project.ts";
import { pythonProject } from "./python-project.ts";

export interface Proposal {
  /** A whole `.slipway.yaml`. */
  readonly text: string;
  /** The same as it will be read. */
  readonly config: RepositoryConfig;
  /** Kinds of project that were found. */
  readonly kinds: readonly string[];
  readonly notes: readonly string[];
  /** Folders that the setup makes. */
  readonly makes: readonly string[];
}

interface GateLine extends Line {
  readonly name: string;
}

/**
 * What fits this repository: setup by its lockfiles, with the hosts that it needs, gates by its scripts and targets, lint before test before build. Checked as
 * jobs will check it. `isIgnored` says whether git ignores a folder: only then its content may be kept for later jobs.
 */
export function propose(project: Project, isIgnored: (folder: string) => boolean): Proposal {
  const found = [nodeProject, pythonProject, goProject, cargoProject].flatMap((look) => look(project) ?? []);
  const make = makeProject(project);
  const setup = found.flatMap((one) => one.setup);
  const gates = gatesOf(found, make);
  const hosts = [...new Map(found.flatMap((one) => one.hosts).map((host) => [host.host, host])).values()];
  const text = `${[...HEAD, ...setupLines(setup), ...keptLines(found, isIgnored), "", ...hostLines(hosts), ...gateLines(gates)].join("\n")}\n`;
  const all = make && Object.keys(make.gates).length > 0 ? [...found, make] : found;
  return {
    text,
    config: parseRepositoryConfig(text),
    kinds: all.map((one) => one.of),
    notes: [...all.flatMap((one) => one.notes), ...hosts.flatMap(noteOf)],
    makes: all.flatMap((one) => one.makes),
  };
}

/** Cheap ones first. A target of the Makefile counts only where nothing else gives that gate: it most often calls the same. */
function gatesOf(found: readonly Found[], make: Found | undefined): GateLine[] {
  return GATE_KINDS.flatMap((kind) => {
    const having = found.filter(({ gates }) => gates[kind] !== undefined);
    const chosen = having.length > 0 ? having : make ? [make] : [];
    return chosen.flatMap(({ of, gates }) => {
      const line = gates[kind];
      return line ? [{ ...line, name: chosen.length > 1 ? `${kind}-${of}` : kind }] : [];
    });
  });
}

const HEAD = [
  "# What Slipway does with this repository. `slipway init` proposed it: change what",
  "# does not fit.",
  "# A job reads this file at the commit that it starts from.",
  "version: 1",
  "",
];

function setupLines(setup: readonly Line[]): string[] {
  if (setup.length === 0) return ["# Nothing to install was found. What makes a fresh workspace ready goes here:", "# setup:", "#   commands: [npm ci]"];
  return [
    "# Makes a fresh workspace ready, before the agent's first turn.",
    "setup:",
    "  commands:",
    ...setup.flatMap(({ run, why }) => [`    # ${why}`, `    - ${scalar(run)}`]),
  ];
}

/** Only where it is true of all that was found: one setup has one list of outputs. */
function keptLines(found: readonly Found[], isIgnored: (folder: string) => boolean): string[] {
  const having = found.filter(({ setup }) => setup.length > 0);
  const makes = having.flatMap((one) => one.makes);
  if (having.length === 0 || !having.every(({ kept }) => kept) || !makes.every(isIgnored)) return [];
  const inputs = having.every(({ kept }) => kept?.inputs) ? having.flatMap(({ kept }) => kept?.inputs ?? []) : [];
  const list = (name: string, paths: readonly string[]): string[] => [`  ${name}:`, ...paths.map((path) => `    - ${scalar(path)}`)];
  return [
    ...(inputs.length === 0 ? [] : ["  # All that the setup reads: while this stays the same, later jobs run no setup.", ...list("inputs", inputs)]),
    "  # What the setup makes: kept for later jobs, and nothing else of it.",
    ...list("outputs", makes),
  ];
}

function hostLines(hosts: readonly Host[]): string[] {
  if (hosts.length === 0) return [];
  return [
    "# What the setup may reach, over https. All else is refused, and told. Agent and",
    "# gates reach nothing but what `turn` and `gates` list here.",
    "egress:",
    "  setup:",
    ...hosts.flatMap(({ host, why }) => [`    # ${why}`, `    - ${scalar(host)}`]),
    "",
  ];
}

function noteOf({ host, isPlain }: Host): string[] {
  return isPlain ? [`${host} is named with http://, which no egress list lets through: name it with https://.`] : [];
}

function gateLines(gates: readonly GateLine[]): string[] {
  const example = ["# gates:", "#   - name: test", "#     run: make test"];
  if (gates.length === 0) return ["# No lint, test or build was found: without gates results land untested.", ...example];
  return [
    "# Must pass, in this order: on the agent's change, and again on exactly the tree",
    "# that lands.",
    "gates:",
    ...gates.flatMap(({ name, run, why }) => [`  # ${why}`, `  - name: ${name}`, `    run: ${scalar(run)}`]),
  ];
}

/** A text as YAML reads it back; JSON's quotes where it would not be plain. */
function scalar(text: string): string {
  return /^[A-Za-z.][\w ./=-]*$/.test(text) ? text : JSON.stringify(text);
}
