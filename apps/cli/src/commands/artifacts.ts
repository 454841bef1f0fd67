import { randomUUID } from "node:crypto";
import { link, mkdir, rename, rm, writeFile } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import type { Client } from "@slipway/protocol/client";
import { SlipwayError } from "@slipway/protocol/errors";
import type { ArtifactView } from "@slipway/protocol/evidence";
import type { Command } from "commander";
import type { Screen } from "../terminal/screen.ts";
import { type Column, tableLines } from "../terminal/table.ts";
import { ago, bytes, printable } from "../terminal/text.ts";
import { printArtifact } from "./artifact.ts";
import { type CommonOptions, screenOf, withCommon } from "./options.ts";
import { JOB_ARGUMENT, withReader } from "./reading.ts";

interface ArtifactsOptions extends CommonOptions {
  readonly output?: string;
  readonly all?: string;
  readonly force?: boolean;
}

export function addArtifacts(program: Command): void {
  withCommon(
    program
      .command("artifacts")
      .argument(...JOB_ARGUMENT)
      .argument("[name]", "print this one"),
  )
    .summary("what a job left: patch, logs, transcript, scorecard")
    .description(
      "Lists what the job's attempts stored and what can be made of it, prints one, or writes them to files. A file that is there already is left alone, and that is an error, unless --force is given.",
    )
    .option("--output <file>", "write the named one to this file")
    .option("--all <dir>", "write all of them to this folder")
    .option("--force", "overwrite files that are there")
    .action(artifactsCommand);
}

async function artifactsCommand(job: string, name: string | undefined, options: ArtifactsOptions): Promise<void> {
  const screen = screenOf(options);
  const wrong = (field: string, message: string, hint: string) => new SlipwayError("INVALID_REQUEST", `${field}: ${message}`, { field, hint });
  if (options.output !== undefined && name === undefined)
    throw wrong(
      "--output",
      "it takes one artifact, and none is named.",
      `Name one of \`slipway artifacts ${job}\`, or write all of them: --all ${options.output}.`,
    );
  if (options.all !== undefined && (name !== undefined || options.output !== undefined))
    throw wrong("--all", "it writes all artifacts, and one is named.", "Leave out the name and --output, or --all.");
  if (options.force && options.output === undefined && options.all === undefined)
    throw wrong("--force", "nothing is written without --output or --all.", "Leave it out, or say where to write.");
  if (options.output !== undefined && name !== undefined) return await writeOne(screen, job, name, options.output, options);
  if (name !== undefined) return await printArtifact(screen, job, name, options);
  if (options.all !== undefined) return await writeAll(screen, job, options.all, options);
  const { artifacts } = await withReader(options, ({ client }) => client.call("listArtifacts", { params: { job } }));
  screen.document({ artifacts });
  for (const line of tableLines(screen, columnsOf(screen), artifacts)) screen.print(line);
  screen.print(screen.colors.dim(`One of them: slipway artifacts ${job} NAME; all of them: slipway artifacts ${job} --all DIR`));
}

function columnsOf(screen: Screen): Array<Column<ArtifactView>> {
  const { colors } = screen;
  return [
    { title: "name", text: ({ name }) => name },
    { title: "size", text: (artifact) => (artifact.bytes === null ? "–" : bytes(artifact.bytes)), align: "right" },
    { title: "what", text: ({ what }) => printable(what), grows: true },
    { title: "attempt", text: ({ fence }) => (fence === null ? "" : String(fence)), align: "right" },
    { title: "when", text: ({ at }) => (at === null ? "when asked for" : ago(at)), paint: (text) => colors.dim(text) },
  ];
}

async function writeOne(screen: Screen, job: string, name: string, output: string, options: ArtifactsOptions): Promise<void> {
  const content = await withReader(options, ({ client }) => client.artifact(job, name));
  await writeSafely(resolve(output), content, options.force ?? false, "--output");
  screen.document({ job, written: [{ name, file: resolve(output), bytes: content.byteLength }] });
  screen.print(`${name} → ${printable(output)}  ${bytes(content.byteLength)}`);
}

/** Names of artifacts as the server gives them: each is one file in the folder, whatever it is called. */
const SAFE_NAME = /^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$/;

async function writeAll(screen: Screen, job: string, folder: string, options: ArtifactsOptions): Promise<void> {
  const target = resolve(folder);
  const { written, missing } = await withReader(options, async ({ client }) => {
    const { artifacts } = await client.call("listArtifacts", { params: { job } });
    const odd = artifacts.find(({ name }) => !SAFE_NAME.test(name));
    if (odd) throw new SlipwayError("INTERNAL", "The server names an artifact that is no file name.", { name: odd.name });
    await mkdir(target, { recursive: true });
    const files: Array<{ name: string; file: string; bytes: number }> = [];
    const gone: string[] = [];
    for (const { name } of artifacts) {
      const content = await unlessGone(client, job, name);
      if (content === undefined) {
        gone.push(name);
        continue;
      }
      const file = join(target, name);
      await writeSafely(file, content, options.force ?? false, "--all");
      files.push({ name, file, bytes: content.byteLength });
    }
    return { written: files, missing: gone };
  });
  screen.document({ job, written, missing });
  for (const one of written) screen.print(`${one.name} → ${printable(join(folder, one.name))}  ${bytes(one.bytes)}`);
  if (missing.length > 0) screen.warn(`No longer kept: ${missing.join(", ")}.`);
}

/** What some artifacts are made of goes a while after the job's end, when the list still has their names. */
async function unlessGone(client: Client, job: string, name: string): Promise<Uint8Array | undefined> {
  return await client.artifact(job, name).catch((error: unknown) => {
    if (error instanceof SlipwayError && error.code === "NOT_FOUND") return undefined;
    throw error;
  });
}

/** Whole or not at all, and never through a link that stands in its place. CONFLICT where something is there already. */
async function writeSafely(file: string, content: Uint8Array, force: boolean, field: string): Promise<void> {
  const draft = join(dirname(file), `.${basename(file).slice(0, 100)}.${randomUUID()}`);
  try {
    await writeFile(draft, content, { flag: "wx" });
    // A link to the draft is refused where the name is taken; a rename takes its place.
    if (force) await rename(draft, file);
    else await link(draft, file);
  } catch (error) {
    throw notWritten(error as NodeJS.ErrnoException, file, field);
  } finally {
    await rm(draft, { force: true });
  }
}

function notWritten(error: NodeJS.ErrnoException, file: string, field: string): Error {
  if (error.code === "EEXIST") {
    const hint = "Choose another place, or say --force to overwrite it.";
    return new SlipwayError("CONFLICT", `${file} is there already.`, { field, value: file, expected: "a name that is free", hint }, { cause: error });
  }
  if (error.code === "ENOENT" || error.code === "ENOTDIR" || error.code === "EACCES" || error.code === "EISDIR") {
    const hint = "Name a folder that is there and that you may write to.";
    return new SlipwayError("INVALID_REQUEST", `${field}: ${file} cannot be written (${error.code}).`, { field, value: file, hint }, { cause: error });
  }
  return error;
}
