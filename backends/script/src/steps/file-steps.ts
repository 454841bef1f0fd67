import { appendFile, chmod, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { SlipwayError } from "@slipway/protocol/errors";
import { applyPatch, parsePatch, type StructuredPatch } from "diff";
import { confine } from "./confine.ts";
import type { StepContext, StepSummary } from "./step-context.ts";
import type { StepInput } from "./step-schemas.ts";

export async function write(input: StepInput<"write">, context: StepContext): Promise<StepSummary> {
  const path = await confine(context.turn, input);
  await mkdir(dirname(path), { recursive: true });
  const bytes = bytesOf(input, context);
  await writeFile(path, bytes);
  if (input.mode !== undefined) await chmod(path, Number.parseInt(String(input.mode), 8));
  return `${input.path}: ${bytes.length} bytes`;
}

export async function append(input: StepInput<"append">, context: StepContext): Promise<StepSummary> {
  const path = await confine(context.turn, input);
  await mkdir(dirname(path), { recursive: true });
  const bytes = bytesOf(input, context);
  await appendFile(path, bytes);
  return `${input.path}: ${bytes.length} bytes more`;
}

export async function remove(input: StepInput<"delete">, context: StepContext): Promise<StepSummary> {
  await rm(await confine(context.turn, input, "itself"), { recursive: true });
  return `${input.path} deleted`;
}

export async function readPrompt(input: StepInput<"readPrompt">, context: StepContext): Promise<StepSummary> {
  const path = await confine(context.turn, input);
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, context.turn.prompt);
  return `${input.path}: the prompt`;
}

/** Applies a unified diff, GNU or git style, of any number of files; text files only. */
export async function patch(input: StepInput<"patch">, context: StepContext): Promise<StepSummary> {
  const files = parse(input.diff);
  const done: string[] = [];
  for (const file of files) done.push(await applyToFile(file, input.fuzz, context));
  return done.join("\n");
}

function parse(text: string): StructuredPatch[] {
  try {
    const files = parsePatch(text);
    if (files.length > 0) return files;
  } catch (error) {
    throw new SlipwayError("BACKEND_FAILED", `This is not a unified diff: ${error instanceof Error ? error.message : String(error)}`);
  }
  throw new SlipwayError("BACKEND_FAILED", "The diff changes no file.");
}

async function applyToFile(file: StructuredPatch, fuzz: number, context: StepContext): Promise<string> {
  const from = nameOf(file.oldFileName);
  const to = nameOf(file.newFileName);
  const name = to ?? from;
  if (name === undefined || file.isBinary) throw new SlipwayError("BACKEND_FAILED", "The diff names no file, or a binary one.");
  const source = from === undefined || file.isCreate ? "" : await readFile(await confine(context.turn, { path: from }), "utf8");
  const result = applyPatch(source, file, { fuzzFactor: fuzz });
  if (result === false) throw new SlipwayError("BACKEND_FAILED", `The diff does not apply to ${name}.`, { path: name });
  if (from !== undefined && (to === undefined || file.isDelete || file.isRename)) await rm(await confine(context.turn, { path: from }, "itself"));
  if (to === undefined || file.isDelete) return `${name} deleted`;
  const path = await confine(context.turn, { path: to });
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, result);
  if (file.newMode !== undefined) await chmod(path, file.newMode.endsWith("755") ? 0o755 : 0o644);
  return `${name} patched`;
}

/** git's `a/` and `b/` taken off; undefined for /dev/null. */
function nameOf(name: string | undefined): string | undefined {
  return name === undefined || name === "/dev/null" ? undefined : name.replace(/^[ab]\//, "");
}

function bytesOf(input: { content: string; encoding: "utf8" | "base64" }, context: StepContext): Buffer {
  return input.encoding === "base64" ? Buffer.from(input.content, "base64") : Buffer.from(context.fill(input.content));
}
