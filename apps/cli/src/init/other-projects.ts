import { type Found, GATE_KINDS, type Project } from "./project.ts";
import { cargoHosts, goHosts } from "./registries.ts";

export function goProject({ names }: Project): Found | undefined {
  if (!names.has("go.mod") && !names.has("go.work")) return undefined;
  const linter = [".golangci.yml", ".golangci.yaml", ".golangci.toml", ".golangci.json"].find((name) => names.has(name));
  return {
    of: "go",
    setup: [{ run: "go mod download", why: "go.mod: the modules, while there is a network" }],
    hosts: goHosts(),
    gates: {
      ...(linter ? { lint: { run: "golangci-lint run", why: `${linter} is there` } } : {}),
      test: { run: "go test ./...", why: "go.mod" },
      build: { run: "go build ./...", why: "go.mod" },
    },
    notes: names.has("go.work") ? ["This is a monorepo (go.work): only the root was looked at. Add gates for its modules."] : [],
    makes: [],
  };
}

export function cargoProject(project: Project): Found | undefined {
  const { names } = project;
  if (!names.has("Cargo.toml")) return undefined;
  const manifest = project.text("Cargo.toml");
  const linter =
    ["clippy.toml", ".clippy.toml"].find((name) => names.has(name)) ?? (/^\[(workspace\.)?lints/m.test(manifest) ? "lints in Cargo.toml" : undefined);
  const isLocked = names.has("Cargo.lock");
  const isMonorepo = /^\[workspace\]/m.test(manifest);
  const all = isMonorepo ? " --workspace" : "";
  return {
    of: "cargo",
    setup: [{ run: isLocked ? "cargo fetch --locked" : "cargo fetch", why: `${isLocked ? "Cargo.lock" : "Cargo.toml"}: the crates, while there is a network` }],
    hosts: cargoHosts(project),
    gates: {
      ...(linter ? { lint: { run: `cargo clippy${all} --all-targets -- -D warnings`, why: linter } } : {}),
      test: { run: `cargo test${all}`, why: "Cargo.toml" },
      build: { run: `cargo build${all}`, why: "Cargo.toml" },
    },
    notes: isMonorepo ? ["This is a workspace of Cargo: only its root was looked at."] : [],
    makes: ["target"],
  };
}

/** Targets of the Makefile that are named like gates. */
export function makeProject(project: Project): Found | undefined {
  if (!project.names.has("Makefile")) return undefined;
  const makefile = project.text("Makefile");
  const targets = GATE_KINDS.filter((kind) => new RegExp(`^${kind}[ \\t]*::?([^=]|$)`, "m").test(makefile));
  const gates = Object.fromEntries(targets.map((kind) => [kind, { run: `make ${kind}`, why: `the target "${kind}" of the Makefile` }]));
  return { of: "make", setup: [], hosts: [], gates, notes: [], makes: [] };
}
