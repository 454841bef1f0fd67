import type { AttemptContext } from "../attempt/context.ts";

/** The image that this attempt's code runs in, for people; undefined where it is no image. A verify job has the worker's own. */
export function imageText({ image, provider }: Pick<AttemptContext, "image" | "provider">): string | undefined {
  const name = (image ?? provider.image)?.name;
  return name === undefined ? undefined : `in ${name}`;
}

/** Says which images would have been the job's and cannot be used. */
export async function tellPassedOver({ image, events }: Pick<AttemptContext, "image" | "events">): Promise<void> {
  if (!image || image.passedOver.length === 0) return;
  const text = `Not used for this job: ${image.passedOver.join("; ")}. It runs in ${image.name}; \`slipway images build\` makes the images anew.`;
  await events.emitOnce("image:passed-over", { kind: "notice", data: { level: "warning", text: text.slice(0, 20_000) } });
}
