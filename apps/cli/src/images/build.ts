import { buildContext, type ContextSettings } from "@slipway/images/context/build-context";
import { type BuildStep, type Built, buildImage } from "@slipway/images/engine/build-image";
import { connectEngine, type Engine } from "@slipway/images/engine/engine";
import { BASE_IMAGE } from "@slipway/images/plans";
import { readCertificates } from "@slipway/process/certificates";
import { readInstallation } from "../configuration/installation.ts";
import { dataFolder } from "../stack/data-folder.ts";
import type { Screen } from "../terminal/screen.ts";
import { bytes, cut, duration } from "../terminal/text.ts";
import { INSTALL_ROOT, type KnownImage, knownImages } from "./known-images.ts";

export interface BuildCommandOptions {
  readonly data?: string;
  readonly baseImage?: string;
  readonly extraCaCerts?: string;
  readonly network?: string;
  readonly cache: boolean;
  readonly pull?: boolean;
  readonly verbose?: boolean;
}

/** Builds the images of these names, all where none is given; the base goes with each, as they stand on it. */
export async function buildImages(screen: Screen, names: readonly string[], options: BuildCommandOptions): Promise<void> {
  const data = dataFolder(options.data);
  const [wanted, settings, installation] = await Promise.all([knownImages(data, names), contextSettings(data, options), readInstallation(data)]);
  const [base] = wanted[0]?.plan.name === BASE_IMAGE ? wanted : await knownImages(data, [BASE_IMAGE]);
  const engine = await connectEngine();
  const done: Array<Record<string, unknown>> = [];
  let slipwayBase: string | undefined;
  for (const image of [...(base ? [base] : []), ...wanted.filter(({ plan }) => plan.name !== BASE_IMAGE)]) {
    const network = options.network ?? installation.images.network;
    const started = Date.now();
    const built = await buildOne(screen, engine, image, { ...settings, slipwayBase }, { ...options, ...(network === undefined ? {} : { network }) });
    const tookMs = Date.now() - started;
    // By its id, so that nothing of that name is ever fetched from elsewhere.
    if (image === base) slipwayBase = built.id;
    done.push({ name: image.plan.name, reference: image.reference, ...built, tookMs });
    const again = built.cachedSteps === built.steps ? "nothing to do" : `${built.steps - built.cachedSteps} of ${built.steps} steps built`;
    screen.progress(`${screen.colors.green("built")} ${screen.colors.bold(image.reference)}  ${bytes(built.sizeBytes)}, ${again}, ${duration(tookMs)}`);
  }
  screen.document({ images: done });
}

/** What goes into the contexts: the options, else the environment, else slipway.yaml. INVALID_CONFIG for the certificates. */
export async function contextSettings(data: string, options: Pick<BuildCommandOptions, "baseImage" | "extraCaCerts">): Promise<ContextSettings> {
  const installation = await readInstallation(data);
  const certificates = options.extraCaCerts ?? installation.extraCaCerts;
  return {
    installRoot: INSTALL_ROOT,
    baseImage: options.baseImage ?? installation.images.baseImage,
    ...(certificates === undefined ? {} : { certificates: (await readCertificates(certificates)).content }),
  };
}

async function buildOne(
  screen: Screen,
  engine: Engine,
  { plan, reference }: KnownImage,
  settings: ContextSettings,
  options: BuildCommandOptions,
): Promise<Built> {
  let now = "";
  const onStep = ({ number, of, text }: BuildStep): void => {
    now = cut(`${reference}: step ${number} of ${of}: ${text}`, screen.width - 1);
    if (screen.isLive) screen.drawStatus();
  };
  if (screen.isLive) screen.showStatus(() => [screen.colors.dim(now)]);
  else screen.progress(`building ${reference} ...`);
  try {
    const context = await buildContext(plan, settings);
    return await buildImage(engine, context, {
      ...{ reference, noCache: !options.cache, onStep },
      network: options.network,
      // Only the one at the bottom is anywhere else than here.
      pull: plan.name === BASE_IMAGE && options.pull === true,
      onOutput: options.verbose ? (text) => screen.raw(text) : () => undefined,
    });
  } finally {
    screen.showStatus(undefined);
  }
}
