/**
 * What a finding is about, most important first: what could do harm, what does not work, what no longer proves that it works, what is more than was asked for,
 * and how it looks.
 */
const SEVERITIES = ["danger", "broken", "proof", "excess", "style"] as const;
export type Severity = (typeof SEVERITIES)[number];

/** Who found something: a gate, a check, or another judge, which says itself how much its findings matter. */
export type Judge = { readonly by: "gate" } | { readonly by: "check"; readonly name: string } | { readonly by: "critic"; readonly severity: Severity };

const SEVERITY_OF_CHECK: Readonly<Record<string, Severity>> = {
  secrets: "danger",
  scope: "danger",
  guarded: "danger",
  conflicts: "broken",
  tests: "proof",
  whitespace: "style",
};

/** How much what this judge found matters; checks that are not named in the table tell of more than was asked for. */
export function severityOf(judge: Judge): Severity {
  if (judge.by === "gate") return "broken";
  if (judge.by === "critic") return judge.severity;
  return SEVERITY_OF_CHECK[judge.name] ?? "excess";
}

/** The same findings, those that matter most first; equal ones stay in their order. */
export function mostImportantFirst<T>(findings: readonly T[], judgeOf: (finding: T) => Judge): T[] {
  const rank = (finding: T): number => SEVERITIES.indexOf(severityOf(judgeOf(finding)));
  return findings.toSorted((a, b) => rank(a) - rank(b));
}
