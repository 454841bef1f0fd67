import type { CriticEvent } from "@slipway/protocol/critic";
import { describe, expect, it } from "vitest";
import { eventLines } from "./event-lines.ts";

const SAID: CriticEvent = {
  ...{
    name: "careful",
    by: "model lab/big",
    level: "required",
    verdict: "reject",
    score: 40.4,
    confidence: 0.5,
    summary: "Not yet.\nReally.",
    kept: false,
    durationMs: 1,
    notes: [],
  },
  criteria: [
    { text: "It adds", verdict: "met", reason: "Seen.", evidence: [{ file: "a", line: 1 }] },
    { text: "It is short", verdict: "unmet", reason: "It is long.", evidence: [{ file: "a", line: 9 }] },
  ],
  findings: [
    { severity: "nit", text: "Tiny.", proven: true },
    { severity: "blocker", text: "Bad.", file: "a", line: 2, proven: true },
    { severity: "blocker", text: "Nowhere.", file: "b", line: 2, proven: false },
  ],
};

describe("what a critic said, in lines", () => {
  it("has the verdict, then what refuses, most important first", () => {
    expect(eventLines({ kind: "critic", data: SAID }, false)).toEqual([
      { tone: "bad", text: "critic careful says no (model lab/big, 40 of 100): Not yet. Really." },
      { tone: "bad", text: "blocker: a:2: Bad." },
      { tone: "bad", text: "unmet: a:9: It is short: It is long." },
      { tone: "dim", text: "blocker: b:2: Nowhere. (what it names is not there)" },
      { tone: "dim", text: "nit: Tiny." },
    ]);
  });

  it("says how much more there is", () => {
    const findings = Array.from({ length: 9 }, (_, index) => ({ severity: "major" as const, text: `${index}`, proven: true }));
    expect(eventLines({ kind: "critic", data: { ...SAID, findings } }, false).at(-1)?.text).toBe("(5 more findings; `slipway show` has all)");
  });

  it("is one line of an approval, or where there is no verdict, and tells what is advisory or kept", () => {
    const approval = { ...SAID, verdict: "approve" as const, criteria: [], kept: true };
    expect(eventLines({ kind: "critic", data: approval }, false)).toEqual([
      { tone: "good", text: "critic careful approves (model lab/big, 40 of 100, kept): Not yet. Really." },
    ]);
    expect(eventLines({ kind: "critic", data: approval }, true)).toHaveLength(4);
    const none: CriticEvent = { ...SAID, verdict: "none", level: "advisory", score: null, criteria: [], findings: [], summary: "No answer." };
    expect(eventLines({ kind: "critic", data: none }, false)).toEqual([
      { tone: "warning", text: "critic careful has no verdict (model lab/big, advisory): No answer." },
    ]);
  });
});
