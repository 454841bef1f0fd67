import { createHash } from "node:crypto";
import { lstat, readdir, readFile, readlink } from "node:fs/promises";
import { join } from "node:path";

/** All that git keeps of a folder's files: each path with its type, its executable bit and its content. What lies in `.git` does not count. */
export async function treeSnapshot(root: string, under = ""): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for (const name of (await readdir(join(root, under))).toSorted()) {
    const path = join(under, name);
    if (path === ".git") continue;
    const info = await lstat(join(root, path));
    if (info.isDirectory()) {
      found[path] = "folder";
      Object.assign(found, await treeSnapshot(root, path));
    } else if (info.isSymbolicLink()) found[path] = `link ${await readlink(join(root, path))}`;
    else {
      const digest = createHash("sha256")
        .update(await readFile(join(root, path)))
        .digest("hex");
      found[path] = `${info.mode & 0o111 ? "executable" : "file"} ${info.size} ${digest}`;
    }
  }
  return found;
}
