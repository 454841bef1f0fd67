import { SlipwayError } from "@slipway/protocol/errors";
import type { Manifest } from "@slipway/protocol/manifest";

/** One image: what is in it beyond the one below. */
export interface ImagePlan {
  readonly name: string;
  /** Which of the Dockerfiles makes it. */
  readonly kind: "base" | "backend" | "stack";
  /** Backends that are to work in it. */
  readonly backends: readonly string[];
  readonly npm: readonly string[];
  readonly apt: readonly string[];
  /** Packages from PyPI, by the backend whose virtual environment they stand in. */
  readonly pip: Readonly<Record<string, readonly string[]>>;
}

/** Names that are no backend's. */
export const BASE_IMAGE = "base";
export const ALL_IMAGE = "all";
export const STACK_IMAGE = "stack";

/** What goes unquoted into a Dockerfile: names and versions of packages. */
const PACKAGE = /^[@\w][\w./@~^:+=-]*$/;

type BackendRecipe = Pick<Manifest, "name" | "image">;

/**
 * The images of these backends, in the order in which they are built: the base, in which all work that need nothing more, one for each that does, one with
 * all of them, and the one of the daemons. INVALID_CONFIG where a manifest asks for what is no package, or its backend has the name of one of ours.
 */
export function imagePlans(manifests: readonly BackendRecipe[]): ImagePlan[] {
  for (const manifest of manifests) check(manifest);
  const sorted = manifests.toSorted((a, b) => (a.name < b.name ? -1 : 1));
  const needing = sorted.filter(needsMore);
  const plain = sorted.filter((manifest) => !needing.includes(manifest)).map(({ name }) => name);
  const unique = (all: readonly string[]): string[] => [...new Set(all)].sort();
  return [
    { name: BASE_IMAGE, kind: "base", backends: plain, npm: [], apt: [], pip: {} },
    ...needing.map(
      (manifest): ImagePlan => ({
        name: manifest.name,
        kind: "backend",
        backends: [manifest.name, ...plain],
        npm: unique(manifest.image.npm),
        apt: unique(manifest.image.apt),
        pip: pipOf([manifest]),
      }),
    ),
    {
      name: ALL_IMAGE,
      kind: "backend",
      backends: sorted.map(({ name }) => name),
      npm: unique(needing.flatMap(({ image }) => image.npm)),
      apt: unique(needing.flatMap(({ image }) => image.apt)),
      pip: pipOf(needing),
    },
    { name: STACK_IMAGE, kind: "stack", backends: [], npm: [], apt: [], pip: {} },
  ];
}

/** The name of the image that a job of this backend runs in. */
export function imageOfBackend(manifest: BackendRecipe): string {
  return needsMore(manifest) ? manifest.name : BASE_IMAGE;
}

function needsMore({ image: { npm, apt, pip = [] } }: BackendRecipe): boolean {
  return npm.length + apt.length + pip.length > 0;
}

function pipOf(manifests: readonly BackendRecipe[]): ImagePlan["pip"] {
  return Object.fromEntries(manifests.flatMap(({ name, image: { pip = [] } }) => (pip.length === 0 ? [] : [[name, pip.toSorted()]])));
}

function check({ name, image }: BackendRecipe): void {
  if ([BASE_IMAGE, ALL_IMAGE, STACK_IMAGE].includes(name))
    throw new SlipwayError("INVALID_CONFIG", `The backend ${name} cannot have an image: one of Slipway's own has this name.`, { backend: name, field: "name" });
  for (const field of ["npm", "apt", "pip"] as const) {
    const wrong = image[field]?.find((text) => !PACKAGE.test(text));
    if (wrong === undefined) continue;
    throw new SlipwayError("INVALID_CONFIG", `The manifest of the backend ${name} is wrong: image.${field}: ${JSON.stringify(wrong)} is no package.`, {
      backend: name,
      field: `image.${field}`,
      value: wrong,
      expected: "a package's name, with a version behind it",
    });
  }
}
