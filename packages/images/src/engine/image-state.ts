import { IMAGE_LABELS } from "../labels.ts";
import { type Engine, engineError, isGone } from "./engine.ts";

/** An image as the engine has it. */
export interface ImageState {
  readonly id: string;
  readonly sizeBytes: number;
  /** ISO 8601. */
  readonly createdAt: string;
  /** What it says of itself; undefined where it is none of Slipway's. */
  readonly image: string | undefined;
  readonly runner: string | undefined;
  readonly version: string | undefined;
}

/** The image of this reference; undefined where the engine has none. Nothing is fetched. */
export async function imageState(engine: Engine, reference: string): Promise<ImageState | undefined> {
  try {
    const { Id, Size, Created, Config } = await engine.getImage(reference).inspect();
    const labels: Readonly<Record<string, string | undefined>> = Config.Labels ?? {};
    return {
      ...{ id: Id, sizeBytes: Size, createdAt: Created },
      ...{ image: labels[IMAGE_LABELS.image], runner: labels[IMAGE_LABELS.runner], version: labels[IMAGE_LABELS.version] },
    };
  } catch (error) {
    if (isGone(error)) return undefined;
    throw engineError(error);
  }
}
