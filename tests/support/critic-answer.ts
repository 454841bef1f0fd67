import type { CriticAnswer } from "@slipway/protocol/critic";

/** What a critic answers, as text: an approval of the first criterion by the first line of `sum.js`, but for what is given. */
export function criticAnswer(more: Partial<CriticAnswer> = {}): string {
  const answer: CriticAnswer = {
    verdict: "approve",
    summary: "The sum is right now.",
    criteria: [{ criterion: 1, verdict: "met", reason: "It adds.", evidence: [{ file: "sum.js", line: 1 }] }],
    findings: [],
    score: 90,
    confidence: 0.8,
    ...more,
  };
  return JSON.stringify(answer);
}

/** A rejection for one reason. */
export function criticRejection(text: string, more: Partial<CriticAnswer> = {}): string {
  return criticAnswer({ verdict: "reject", summary: "Not yet.", findings: [{ severity: "major", text, file: "sum.js", line: 1 }], score: 30, ...more });
}
