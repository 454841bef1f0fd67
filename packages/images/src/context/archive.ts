import type { Readable } from "node:stream";
import { pack } from "tar-stream";
import type { SourceFile } from "../workspaces.ts";

/** The files as a tar archive, root's own and readable for all; the same files make the same bytes, at whatever time and under whatever umask. */
export function archive(files: readonly SourceFile[]): Readable {
  const tar = pack();
  for (const { path, content } of files) tar.entry({ name: path, mode: 0o644, mtime: new Date(0) }, content);
  tar.finalize();
  return tar as unknown as Readable;
}
