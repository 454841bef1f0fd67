import type { Overview } from "@slipway/protocol/overview";

/** Something that goes on only when a person acts. */
export type Need =
  | { readonly kind: "blocked"; readonly job: Overview["blocked"][number] }
  | { readonly kind: "more-blocked"; readonly jobs: number }
  | { readonly kind: "frozen"; readonly train: Overview["trains"][number]; readonly frozen: NonNullable<Overview["trains"][number]["frozen"]> }
  | { readonly kind: "waiting"; readonly group: Overview["waiting"]["groups"][number] };

/** All of it, what is most certain first. */
export function needs({ blocked, counts, trains, waiting }: Overview): Need[] {
  const left = counts.blocked - blocked.length;
  return [
    ...blocked.map((job): Need => ({ kind: "blocked", job })),
    ...(left > 0 ? [{ kind: "more-blocked" as const, jobs: left }] : []),
    ...trains.flatMap((train): Need[] => (train.frozen ? [{ kind: "frozen", train, frozen: train.frozen }] : [])),
    ...waiting.groups.filter(({ owner }) => owner === "you").map((group): Need => ({ kind: "waiting", group })),
  ];
}
