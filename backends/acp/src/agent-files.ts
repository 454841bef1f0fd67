import { mkdir, rename, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";

/** Writes a file that an agent reads, below the job's home; whole or not at all. The answer is its path. */
export async function writeAgentFile(home: string, name: string, content: string): Promise<string> {
  const path = join(home, name);
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  await writeFile(`${path}.new`, content);
  await rename(`${path}.new`, path);
  return path;
}
