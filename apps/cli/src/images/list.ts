import { connectEngine, type Engine } from "@slipway/images/engine/engine";
import { type ImageState, imageState } from "@slipway/images/engine/image-state";
import { readSoftware, type SoftwareList } from "@slipway/images/engine/software-list";
import { runnerDigest } from "@slipway/process/runner-digest";
import { dataFolder } from "../stack/data-folder.ts";
import type { Screen } from "../terminal/screen.ts";
import { type Column, tableLines } from "../terminal/table.ts";
import { ago, bytes } from "../terminal/text.ts";
import { INSTALL_ROOT, type KnownImage, knownImages } from "./known-images.ts";

interface Row extends KnownImage {
  readonly state: ImageState | undefined;
  readonly fits: boolean;
  readonly software: SoftwareList | undefined;
}

/** The images of this checkout: which are there, and with what in them. */
export async function listImages(screen: Screen, data: string | undefined): Promise<void> {
  const [images, engine] = await Promise.all([knownImages(dataFolder(data)), connectEngine()]);
  const digest = runnerDigest(INSTALL_ROOT);
  const rows: Row[] = [];
  for (const image of images) rows.push(await rowOf(engine, image, digest, screen.json));
  screen.document({
    images: rows.map(({ plan, reference, state, fits, software }) => ({
      ...{
        name: plan.name,
        reference,
        backends: plan.backends,
        id: state?.id ?? null,
        sizeBytes: state?.sizeBytes ?? null,
        createdAt: state?.createdAt ?? null,
      },
      ...{ version: state?.version ?? null, runner: state?.runner ?? null, fitsCheckout: fits, software: software ?? null },
    })),
  });
  for (const line of tableLines(screen, columnsOf(screen), rows)) screen.print(line);
  const missing = rows.filter(({ state, fits }) => state === undefined || !fits);
  if (missing.length > 0)
    screen.print(screen.colors.dim(`\`slipway images build\` makes what is missing or old; with names, such as ${missing[0]?.plan.name}, only these.`));
}

/** Reading the software takes a container, which is made for tools alone. */
async function rowOf(engine: Engine, image: KnownImage, digest: string, withSoftware: boolean): Promise<Row> {
  const state = await imageState(engine, image.reference);
  const software = state && withSoftware ? await readSoftware(engine, image.reference) : undefined;
  return { ...image, state, fits: state?.runner === digest, software };
}

function columnsOf(screen: Screen): Array<Column<Row>> {
  const { colors } = screen;
  return [
    { title: "image", text: ({ reference }) => reference, paint: (text) => colors.bold(text) },
    {
      title: "state",
      text: stateText,
      paint: (text, { state, fits }) => (state === undefined ? colors.dim(text) : fits ? colors.green(text) : colors.yellow(text)),
    },
    { title: "size", text: ({ state }) => (state ? bytes(state.sizeBytes) : ""), align: "right" },
    { title: "made", text: ({ state }) => (state ? ago(Date.parse(state.createdAt)) : "") },
    { title: "for", text: ({ plan }) => (plan.kind === "stack" ? "server, worker, gateway, integrator" : plan.backends.join(" ")), grows: true },
  ];
}

function stateText({ state, fits }: Row): string {
  if (state === undefined) return "not built";
  return fits ? "ready" : "of another checkout";
}
