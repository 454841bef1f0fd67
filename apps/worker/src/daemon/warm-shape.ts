import type { AheadSettings, NamedImage } from "../sandbox/sandbox.ts";

/** What a sandbox that waits for a job must have been made with to be the job's. */
export interface WarmShape {
  /** Missing where all sandboxes are of one system, or of the provider's own image. */
  readonly image?: NamedImage | undefined;
  /** Read-only mounts. */
  readonly readOnly: readonly string[];
  /** The backend that the next job will most likely have, which is warmed up. Others can take such a sandbox too. */
  readonly backend?: string | undefined;
  /** With what that job's agent is started ahead; nothing where nobody knows. */
  readonly ahead?: AheadSettings | undefined;
}

/** The same image and the same mounts have the same key, in whatever order these are named. */
export function shapeKey({ image, readOnly }: { readonly image?: Pick<NamedImage, "imageId"> | undefined; readonly readOnly: readonly string[] }): string {
  return [image?.imageId ?? "", ...[...new Set(readOnly)].sort()].join("\n");
}
