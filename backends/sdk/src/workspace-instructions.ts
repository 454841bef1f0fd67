import { readdir, realpath, stat } from "node:fs/promises";
import { join, sep } from "node:path";

/** Where repositories have their words for agents. */
const INSTRUCTION_FILES = ["AGENTS.md", "CLAUDE.md", "GEMINI.md", "QWEN.md"] as const;
/** Folders with a folder for each skill, and a SKILL.md in that. */
const SKILL_FOLDERS = ["skills", ".agents/skills"] as const;
/** No agent has room for more, in bytes. */
const FILE_LIMIT_BYTES = 1_048_576;
const SKILL_LIMIT = 200;

/** A file with instructions. */
export interface InstructionFile {
  /** Relative to the workspace. */
  readonly path: string;
  readonly bytes: number;
}

/** A skill: a folder with a SKILL.md. */
export interface WorkspaceSkill {
  /** The folder's own name. */
  readonly name: string;
  /** The folder, relative to the workspace. */
  readonly path: string;
  /** Of its SKILL.md. */
  readonly bytes: number;
}

/** What a workspace has for agents. */
export interface WorkspaceInstructions {
  readonly files: readonly InstructionFile[];
  readonly skills: readonly WorkspaceSkill[];
  /** What is there and must not be used, with why, for a notice to people. */
  readonly refused: ReadonlyArray<{ readonly path: string; readonly why: string }>;
}

/**
 * Which instruction files and skills are in the workspace's root, so that a backend can put them where its agent looks. A link that leads out of the workspace is
 * refused: what it names is not the repository's. Never rejects for what is missing; the order is that of the lists, skills by name.
 */
export async function workspaceInstructions(workspace: string): Promise<WorkspaceInstructions> {
  const root = await realpath(workspace);
  const files: InstructionFile[] = [];
  const skills: WorkspaceSkill[] = [];
  const refused: Array<{ path: string; why: string }> = [];
  for (const path of INSTRUCTION_FILES) {
    const found = await look(root, path);
    if (typeof found === "number") files.push({ path, bytes: found });
    else if (found) refused.push({ path, why: found });
  }
  for (const folder of SKILL_FOLDERS) {
    const names = await namesIn(root, folder);
    for (const name of names.slice(0, SKILL_LIMIT)) {
      const path = `${folder}/${name}`;
      const found = await look(root, `${path}/SKILL.md`);
      if (typeof found === "number") skills.push({ name, path, bytes: found });
      else if (found) refused.push({ path, why: found });
    }
    if (names.length > SKILL_LIMIT) refused.push({ path: folder, why: `it has more than ${SKILL_LIMIT} skills` });
  }
  return { files, skills, refused };
}

/** Its size in bytes, why it is refused, or undefined where it is not there. */
async function look(root: string, path: string): Promise<number | string | undefined> {
  try {
    const real = await realpath(join(root, path));
    if (!real.startsWith(root + sep)) return "it is a link that leads out of the workspace";
    const { size, isFile } = await stat(real).then((found) => ({ size: found.size, isFile: found.isFile() }));
    if (!isFile) return "it is no file";
    return size > FILE_LIMIT_BYTES ? `it has ${size} bytes, of ${FILE_LIMIT_BYTES}` : size;
  } catch {
    // Not there, or a link to nothing.
    return undefined;
  }
}

async function namesIn(root: string, folder: string): Promise<string[]> {
  try {
    const real = await realpath(join(root, folder));
    return real.startsWith(root + sep) ? (await readdir(real)).sort() : [];
  } catch {
    // No such folder, which is the rule.
    return [];
  }
}
