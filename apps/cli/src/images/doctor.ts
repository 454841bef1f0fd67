import { connectEngine, type Engine } from "@slipway/images/engine/engine";
import { imageState } from "@slipway/images/engine/image-state";
import { tryRunner } from "@slipway/images/engine/try-image";
import { runnerDigest } from "@slipway/process/runner-digest";
import { toSlipwayError } from "@slipway/protocol/errors";
import { type Manifest, manifestSchema, type ProbeResult, probeResultSchema } from "@slipway/protocol/manifest";
import { z } from "zod";
import { type Check, check } from "../doctor/check.ts";
import { dataFolder } from "../stack/data-folder.ts";
import { bytes, printable } from "../terminal/text.ts";
import { INSTALL_ROOT, type KnownImage, knownImages } from "./known-images.ts";

/** Tries each image: whether it is there, is of this checkout, and whether its runner and its backends answer inside of it, without network. */
export async function checkImages(data: string | undefined, names: readonly string[]): Promise<Check[]> {
  const images = await knownImages(dataFolder(data), names);
  const digest = runnerDigest(INSTALL_ROOT);
  let engine: Engine;
  try {
    engine = await connectEngine();
  } catch (error) {
    const { message, hint } = toSlipwayError(error);
    return [check("engine", "engine", false, { tried: "GET /_ping", found: message, lost: "nothing runs in containers", remedy: hint, required: true })];
  }
  const { Version } = await engine.version();
  const checks: Check[] = [check("engine", "engine", true, { tried: "GET /version", found: `version ${Version}`, lost: "", remedy: "" })];
  for (const image of images) checks.push(...(await checkImage(engine, image, digest)));
  return checks;
}

async function checkImage(engine: Engine, { plan, reference }: KnownImage, digest: string): Promise<Check[]> {
  const state = await imageState(engine, reference);
  const remedy = `slipway images build ${plan.name}`;
  const lost = plan.kind === "stack" ? "docker compose cannot start the daemons" : `jobs of ${plan.backends.join(", ")} do not run in this image`;
  const required = plan.kind !== "stack";
  if (!state) return [check(plan.name, "there", false, { tried: reference, found: "not built", lost, remedy, required })];
  const there = check(plan.name, "there", true, { tried: reference, found: `${state.id.slice(7, 19)}, ${bytes(state.sizeBytes)}`, lost: "", remedy: "" });
  const fits = check(plan.name, "fits", state.runner === digest, {
    tried: "its label dev.slipway.runner, and the sources of this checkout",
    found: state.runner === digest ? "its runner is of this checkout" : "its runner is of another checkout, or another version",
    ...{ lost, remedy, required },
  });
  if (plan.kind === "stack") return [there, fits];
  return [there, fits, ...(await checkInside(engine, { plan, reference }, { lost, remedy }))];
}

async function checkInside(engine: Engine, { plan, reference }: KnownImage, { lost, remedy }: { lost: string; remedy: string }): Promise<Check[]> {
  const described = await ask(engine, reference, "describe", z.array(manifestSchema));
  const runner = check(plan.name, "runner", described.ok, {
    tried: `runner describe in ${reference}`,
    found: described.ok ? described.value.map(({ name, version }: Manifest) => `${name} ${version}`).join(", ") : described.found,
    ...{ lost, remedy, required: true },
  });
  if (!described.ok) return [runner];
  const probed = await ask(engine, reference, "probe", z.array(probeResultSchema));
  if (!probed.ok) return [runner, check(plan.name, "probe", false, { tried: "runner probe", found: probed.found, lost, remedy, required: true })];
  // What stands in another image need not be in this one.
  const own = probed.value.filter(({ backend }) => plan.backends.includes(backend));
  const unknown = plan.backends.filter((name) => !own.some(({ backend }) => backend === name));
  return [
    runner,
    ...own.map(({ backend, ok, tried, found, remedy: said }: ProbeResult) => {
      const rest = isBrought(described.value, backend) ? { remedy, required: true } : { remedy: said ?? remedy, required: false };
      return check(plan.name, backend, ok, { tried, found: printable(found), lost: `jobs of ${backend} do not run in this image`, ...rest });
    }),
    ...unknown.map((backend) =>
      check(plan.name, backend, false, {
        tried: "runner probe",
        found: "its code is in the folder of further backends, which is not in the image",
        lost: "not tried here",
        remedy: `slipway backends`,
      }),
    ),
  ];
}

type Answer<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly found: string };

async function ask<T>(engine: Engine, reference: string, command: "describe" | "probe", schema: z.ZodType<T>): Promise<Answer<T>> {
  const { exitCode, stdout, stderr } = await tryRunner(engine, reference, command);
  const parsed = schema.safeParse(jsonOrNothing(stdout));
  if (exitCode === 0 && parsed.success) return { ok: true, value: parsed.data };
  return { ok: false, found: printable(stderr.trim().slice(-300)) || `it ended with exit code ${exitCode}` };
}

/** Whether a build of ours brings all that the backend needs. Of one that needs a model and has no packages, such as `acp`, the agent is the user's affair. */
function isBrought(manifests: readonly Manifest[], backend: string): boolean {
  const manifest = manifests.find(({ name }) => name === backend);
  if (!manifest?.capabilities.model) return true;
  const { npm, apt, pip = [] } = manifest.image;
  return npm.length + apt.length + pip.length > 0;
}

function jsonOrNothing(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // The caller tells what was written to standard error.
  }
}
