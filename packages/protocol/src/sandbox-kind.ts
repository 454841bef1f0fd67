/** How a worker keeps the code of an attempt apart: by bubblewrap, or not at all where a person asked for that. */
export const SANDBOX_KINDS = ["bwrap", "none"] as const;
export type SandboxKind = (typeof SANDBOX_KINDS)[number];

/** The capability of a worker that runs attempts in this kind of sandbox. */
export function sandboxCapability(kind: SandboxKind): string {
  return `sandbox:${kind}`;
}

/** What a receipt names as its image: the host's own files, seen through the sandbox, or no sandbox at all. */
export function imageOf(kind: SandboxKind): "host" | "none" {
  return kind === "bwrap" ? "host" : "none";
}

/** The kind of sandbox that a receipt's image stands for; an image that is of none of them is named as it is. */
export function sandboxOfImage(image: string): string {
  return SANDBOX_KINDS.find((kind) => imageOf(kind) === image) ?? image;
}

/** The capability of a worker whose gates see this environment: the first half of the digest that its receipts carry. */
export function environmentCapability(environmentDigest: string): string {
  return `environment:${environmentDigest.slice(0, 32)}`;
}
