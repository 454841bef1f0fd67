import type { Readable } from "node:stream";
import { runnerDigest } from "@slipway/process/runner-digest";
import { BASE_IMAGE, type ImagePlan } from "../plans.ts";
import { imageReference, imageVersion } from "../references.ts";
import { allWorkspaces, dashboardFiles, RUNNER_WORKSPACE, readFiles, type SourceFile, sourceFiles, workspaceClosure } from "../workspaces.ts";
import { archive } from "./archive.ts";
import { withArguments } from "./dockerfile.ts";

export interface ContextSettings {
  /** The checkout. */
  readonly installRoot: string;
  /** What `base` stands on; undefined: the public image that its Dockerfile names. */
  readonly baseImage?: string | undefined;
  /** What the others stand on; undefined: `slipway/base` of this version. */
  readonly slipwayBase?: string | undefined;
  /** Certificates for the build's own downloads. */
  readonly certificates?: Buffer | undefined;
}

/** Everything that a build of this image reads and nothing else, as a tar archive with its Dockerfile: for `docker build -`, or for the engine's API. */
export async function buildContext(plan: ImagePlan, settings: ContextSettings): Promise<Readable> {
  const { installRoot, certificates = Buffer.alloc(0) } = settings;
  const [dockerfile] = await readFiles(installRoot, [`docker/${plan.kind}/Dockerfile`]);
  const text = withArguments(dockerfile?.content.toString("utf8") ?? "", await argumentsOf(plan, settings));
  return archive([
    { path: "Dockerfile", content: Buffer.from(text) },
    { path: "extra-ca-certs.pem", content: certificates },
    ...(await filesOf(plan, installRoot)),
  ]);
}

async function argumentsOf(plan: ImagePlan, settings: ContextSettings): Promise<Record<string, string>> {
  const version = imageVersion(settings.installRoot);
  const labels = { IMAGE: plan.name, RUNNER: runnerDigest(settings.installRoot), VERSION: version };
  if (plan.kind === "base") return { ...labels, ...(settings.baseImage === undefined ? {} : { BASE_IMAGE: settings.baseImage }) };
  const below = { ...labels, BASE: settings.slipwayBase ?? imageReference(BASE_IMAGE, version) };
  return plan.kind === "stack" ? below : { ...below, NPM_PACKAGES: plan.npm.join(" "), APT_PACKAGES: plan.apt.join(" "), PIP_PACKAGES: pipLine(plan) };
}

/** `<backend>=<package>` for each, which no package's name can be. */
function pipLine({ pip }: ImagePlan): string {
  return Object.entries(pip)
    .flatMap(([backend, packages]) => packages.map((name) => `${backend}=${name}`))
    .join(" ");
}

/** Below `packages/` what `npm ci` needs, which changes seldom; below `sources/` what runs, which changes often and builds at once. */
async function filesOf({ kind }: ImagePlan, installRoot: string): Promise<SourceFile[]> {
  if (kind === "backend") return [];
  const workspaces = [...(await allWorkspaces(installRoot)).values()].sort();
  const manifests = await readFiles(installRoot, ["package.json", "package-lock.json", ...workspaces.map((folder) => `${folder}/package.json`)]);
  const running = kind === "base" ? await workspaceClosure(installRoot, [RUNNER_WORKSPACE]) : workspaces;
  const sources = [...(await sourceFiles(installRoot, running)), ...(kind === "stack" ? await dashboardFiles(installRoot) : [])];
  const own = await readFiles(installRoot, ["LICENSE", "docker/software.ts", ...(kind === "stack" ? ["docker/stack/health.ts", "docker/stack/slipway"] : [])]);
  return [...moved("packages", manifests), ...moved("sources", [...own, ...sources])];
}

function moved(folder: string, files: readonly SourceFile[]): SourceFile[] {
  return files.map(({ path, content }) => ({ path: `${folder}/${path}`, content }));
}
