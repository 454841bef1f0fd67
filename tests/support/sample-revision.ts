import type { Revision } from "@slipway/protocol/revisions";

/** A conflict with what job 12 landed, with nothing special about it but what is given. */
export function sampleRevision(more: Partial<Revision> = {}): Revision {
  return {
    number: 1,
    of: 2,
    cause: "conflict",
    code: "MERGE_CONFLICT",
    message: "The change conflicts with what landed on main since its base: src/a.ts.",
    at: 1_000,
    target: "main",
    targetOid: "b".repeat(40),
    workOid: "c".repeat(40),
    baseOid: "a".repeat(40),
    fence: 1,
    paths: ["src/a.ts"],
    others: [{ oid: "d".repeat(40), subject: "Count from one", job: { number: 12, title: "Count from one", task: "Count from one, as people do." } }],
    verifyJob: null,
    gates: [],
    ...more,
  };
}
