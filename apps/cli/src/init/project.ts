import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { CARGO_CONFIG } from "./registries.ts";

/** The files in the root of a repository, as far as a proposal looks at them. */
export interface Project {
  readonly names: ReadonlySet<string>;
  /** Text by name; empty where the file is not there. */
  text(name: string): string;
}

/** What is ever read; all else counts by its name alone. */
const READ: readonly string[] = [
  "package.json",
  "pyproject.toml",
  "requirements.txt",
  "requirements-dev.txt",
  "dev-requirements.txt",
  "Cargo.toml",
  "Makefile",
  ".npmrc",
  ".yarnrc",
  ".yarnrc.yml",
  "uv.toml",
  CARGO_CONFIG,
];

export async function readProject(root: string): Promise<Project> {
  const names = new Set(await readdir(root));
  const read = await Promise.all(
    READ.filter((name) => names.has(name.split("/")[0] ?? "")).map(async (name) => [name, await textOf(join(root, name))] as const),
  );
  const texts = new Map(read);
  return { names, text: (name) => texts.get(name) ?? "" };
}

/** Empty where only its folder is there. */
async function textOf(path: string): Promise<string> {
  return await readFile(path, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT" || error.code === "ENOTDIR") return "";
    throw error;
  });
}

/** A line of the proposal, and why it is there. */
export interface Line {
  readonly run: string;
  readonly why: string;
}

/** A host that the setup needs, and why. */
export interface Host {
  readonly host: string;
  readonly why: string;
  /** Its address is plain http, which no list lets through. */
  readonly isPlain?: boolean;
}

export const GATE_KINDS = ["lint", "test", "build"] as const;
export type GateKind = (typeof GATE_KINDS)[number];

/** What one kind of project needs. */
export interface Found {
  /** Such as `node`: tells gates of several kinds of project apart. */
  readonly of: string;
  readonly setup: readonly Line[];
  /** What the setup reaches. */
  readonly hosts: readonly Host[];
  readonly gates: Readonly<Partial<Record<GateKind, Line>>>;
  /** For the person; not in the file. */
  readonly notes: readonly string[];
  /** Folders that the setup makes, which git must ignore. */
  readonly makes: readonly string[];
  /** Where all that the setup makes is in those folders: the files that it reads, where they are surely all of them. Else undefined, and the setup runs for each job. */
  readonly kept?: { readonly inputs: readonly string[] | undefined } | undefined;
}
