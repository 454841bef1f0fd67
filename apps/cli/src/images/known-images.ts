import { fileURLToPath } from "node:url";
import { type ImagePlan, imagePlans } from "@slipway/images/plans";
import { imageReference, imageVersion } from "@slipway/images/references";
import { SlipwayError } from "@slipway/protocol/errors";
import { describeBackends } from "../backends/ask-runner.ts";

/** The checkout that this command line is of. */
export const INSTALL_ROOT = fileURLToPath(new URL("../../../../", import.meta.url));

/** An image of this checkout, there or not. */
export interface KnownImage {
  readonly plan: ImagePlan;
  readonly reference: string;
}

/** The images of the backends on this machine, in the order in which they are built; with names, those alone. NOT_FOUND for a name that is none. */
export async function knownImages(data: string, names: readonly string[] = []): Promise<KnownImage[]> {
  const described = await describeBackends(data);
  if (!described.ok) {
    const hint = "Run `npm ci` in Slipway's checkout, then `slipway backends`.";
    throw new SlipwayError("INTERNAL", `The runner does not say which backends are here: ${described.found}`, { hint });
  }
  const version = imageVersion(INSTALL_ROOT);
  const all = imagePlans(described.value).map((plan) => ({ plan, reference: imageReference(plan.name, version) }));
  const unknown = names.find((name) => !all.some(({ plan }) => plan.name === name));
  if (unknown !== undefined)
    throw noSuchImage(
      unknown,
      all,
      described.value.some(({ name }) => name === unknown),
    );
  return names.length === 0 ? all : all.filter(({ plan }) => names.includes(plan.name));
}

function noSuchImage(name: string, all: readonly KnownImage[], isBackend: boolean): SlipwayError {
  const known = all.map(({ plan }) => plan.name);
  const hint = isBackend ? `The backend ${name} needs nothing more than the image base.` : `There are ${known.join(", ")}.`;
  return new SlipwayError("NOT_FOUND", `There is no image called ${name}.`, { image: name, hint });
}
