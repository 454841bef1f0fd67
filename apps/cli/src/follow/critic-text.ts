import type { CriticEvent, FindingSeverity } from "@slipway/protocol/critic";

/** One thing that a critic found, in words. */
export interface ToldFinding {
  readonly severity: FindingSeverity | "unmet" | "unproven";
  readonly text: string;
  /** Where, as FILE:LINE; empty where it names no place. */
  readonly place: string;
  /** Whether it alone keeps the change from being approved. */
  readonly refuses: boolean;
}

const ORDER: ReadonlyArray<ToldFinding["severity"]> = ["blocker", "unmet", "major", "unproven", "minor", "nit"];

/** What a critic found, criteria that are not met among it, most important first. */
export function refusingFirst({ criteria, findings }: Pick<CriticEvent, "criteria" | "findings">): ToldFinding[] {
  const ofCriteria = criteria.flatMap(({ text, verdict, reason, evidence }): ToldFinding[] => {
    if (verdict === "met") return [];
    return [{ severity: verdict, text: `${text}: ${reason}`, place: placeText(evidence[0]), refuses: true }];
  });
  const own = findings.map(({ severity, text, file, line, proven }): ToldFinding => {
    const place = placeText({ file, line });
    const refuses = proven && (severity === "blocker" || severity === "major");
    return { severity, text: proven ? text : `${text} (what it names is not there)`, place, refuses };
  });
  return [...ofCriteria, ...own].toSorted((one, other) => Number(other.refuses) - Number(one.refuses) || rank(one) - rank(other));
}

function rank({ severity }: ToldFinding): number {
  return ORDER.indexOf(severity);
}

function placeText(place: { file?: string | undefined; line?: number | undefined } | undefined): string {
  if (place?.file === undefined) return "";
  return place.line === undefined ? place.file : `${place.file}:${place.line}`;
}

/** In one line. */
export function findingText({ severity, text, place }: ToldFinding): string {
  return `${severity}: ${place === "" ? "" : `${place}: `}${text}`;
}

const VERDICTS = { approve: "approves", reject: "says no", none: "has no verdict" } as const;

/** Who said what, in one line. */
export function criticHeading({ name, by, level, verdict, score, summary, kept }: CriticEvent): string {
  const notes = [by, ...(score === null ? [] : [`${Math.round(score)} of 100`]), ...(level === "advisory" ? ["advisory"] : []), ...(kept ? ["kept"] : [])];
  return `critic ${name} ${VERDICTS[verdict]} (${notes.join(", ")}): ${summary}`;
}
