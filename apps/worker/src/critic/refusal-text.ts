import type { CriticFinding, CriticOpinion } from "@slipway/protocol/critic";

/** A critic that does not accept a change. */
export interface Rejection {
  readonly name: string;
  readonly opinion: CriticOpinion;
}

interface Item {
  readonly rank: number;
  readonly text: string;
}

const RANKS = { blocker: 0, unmet: 1, major: 2, unproven: 3, minor: 4, nit: 5 } as const;

/** For the agent: all that the critics found, most important first, whoever found it; what they named wrongly is left out. A line each. */
export function rejectionFindings(rejections: readonly Rejection[]): string[] {
  const items = rejections.flatMap(({ name, opinion }) =>
    itemsOf(opinion).map((item) => (rejections.length > 1 ? { ...item, text: `${item.text} (${name})` } : item)),
  );
  const seen = new Set<string>();
  return items
    .toSorted((one, other) => one.rank - other.rank)
    .flatMap(({ text }) => {
      if (seen.has(text)) return [];
      seen.add(text);
      return [text];
    });
}

function itemsOf({ criteria, findings, summary }: CriticOpinion): Item[] {
  const ofCriteria = criteria.flatMap(({ text, verdict, reason, evidence }): Item[] => {
    if (verdict === "met") return [];
    const [place] = evidence;
    const what = verdict === "unmet" ? "is not met" : "could not be shown to be met";
    return [{ rank: RANKS[verdict], text: `${place ? `${place.file}:${place.line}: ` : ""}The criterion "${text}" ${what}: ${reason}` }];
  });
  const own = findings.filter(({ proven }) => proven).map((finding) => ({ rank: RANKS[finding.severity], text: findingLine(finding) }));
  const items = [...ofCriteria, ...own];
  return items.length > 0 ? items : [{ rank: RANKS.major, text: summary }];
}

function findingLine({ severity, text, file, line }: CriticFinding): string {
  return `${file === undefined ? "" : `${file}${line === undefined ? "" : `:${line}`}: `}${severity}: ${text}`;
}
