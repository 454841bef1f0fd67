/** How a worker keeps the code of an attempt apart: by bubblewrap, by containers, or not at all where a person asked for that. */
export const SANDBOX_KINDS = ["bwrap", "docker", "none"] as const;
export type SandboxKind = (typeof SANDBOX_KINDS)[number];

/** The capability of a worker that runs attempts in this kind of sandbox. */
export function sandboxCapability(kind: SandboxKind): string {
  return `sandbox:${kind}`;
}

/** What a receipt names as its image where that is no container's: the host's own files, seen through the sandbox, or no sandbox at all. */
export function imageOf(kind: Exclude<SandboxKind, "docker">): "host" | "none" {
  return kind === "bwrap" ? "host" : "none";
}

/** The kind of sandbox that a receipt's image stands for: the digest of an image is a container's. One that is of none of them is named as it is. */
export function sandboxOfImage(image: string): string {
  if (/^sha256:[0-9a-f]{64}$/.test(image)) return "docker";
  return image === imageOf("bwrap") ? "bwrap" : image;
}

/** The capability of a worker whose gates see this environment: the first half of the digest that its receipts carry. */
export function environmentCapability(environmentDigest: string): string {
  return `environment:${environmentDigest.slice(0, 32)}`;
}
