import type { CriticAnswer, CriticFinding, CriticOpinion, CriticPlace } from "@slipway/protocol/critic";

/** How many lines a file has that evidence may name; undefined where there is none of this name. */
export type LineCount = (file: string) => number | undefined;

/** What an answer came to, and what whoever gave it may mend; with problems the opinion is what stands if nobody mends them, and none where nothing does. */
export interface Weighed {
  readonly opinion: CriticOpinion | undefined;
  readonly problems: readonly string[];
}

export interface WeighOptions {
  readonly criteria: readonly string[];
  readonly lineCount: LineCount;
  readonly minScore: number;
}

/**
 * What of an answer holds. An approval needs each criterion met by a line that is there, nothing proven that must not land, and the score that the
 * repository asks for; a rejection needs a reason that is there.
 */
export function weighAnswer(answer: CriticAnswer, { criteria, lineCount, minScore }: WeighOptions): Weighed {
  const problems: string[] = [];
  const notes: string[] = [];
  const isThere = ({ file, line }: CriticPlace): boolean => line <= (lineCount(file) ?? 0);
  const judged = criteria.map((text, index): CriticOpinion["criteria"][number] | undefined => {
    const said = answer.criteria.filter(({ criterion }) => criterion === index + 1);
    const [one] = said;
    if (!one || said.length > 1) {
      problems.push(`criteria: expected criterion ${index + 1} once, found it ${one ? `${said.length} times` : "nowhere"}.`);
      return undefined;
    }
    const named = one.evidence.map(({ file, line }) => ({ file: plainPath(file), line }));
    const evidence = named.filter(isThere);
    for (const place of named) if (!evidence.includes(place)) notes.push(`Evidence for criterion ${index + 1} is not there: ${missing(place, lineCount)}.`);
    if (one.verdict === "met" && evidence.length === 0)
      problems.push(`criteria: criterion ${index + 1} is said to be met, and no line that is there is named for it${whatWas(named, lineCount)}.`);
    return { text, verdict: one.verdict === "met" && evidence.length === 0 ? "unproven" : one.verdict, reason: one.reason, evidence };
  });
  const findings = answer.findings.map((finding): CriticFinding => {
    const place = { file: finding.file ? plainPath(finding.file) : undefined, line: finding.line ?? undefined };
    const proven = place.file === undefined ? place.line === undefined : isThere({ file: place.file, line: place.line ?? 1 });
    if (!proven)
      notes.push(
        `A finding does not count, as what it names is not there: ${place.file === undefined ? "a line of no file" : missing({ file: place.file, line: place.line ?? 1 }, lineCount)}.`,
      );
    return {
      severity: finding.severity,
      text: finding.text,
      ...(place.file === undefined ? {} : { file: place.file }),
      ...(place.line === undefined ? {} : { line: place.line }),
      proven,
    };
  });
  const known = judged.filter((criterion) => criterion !== undefined);
  if (known.length < criteria.length) return { opinion: undefined, problems };
  const grounds = known.some(({ verdict }) => verdict === "unmet") || findings.some(refuses);
  const isUnproven = known.some(({ verdict }) => verdict === "unproven");
  const isLow = answer.score < minScore;
  if (answer.verdict === "approve" && grounds) notes.push("It said approve, and tells of what must not land: that counts as a rejection.");
  if (answer.verdict === "approve" && isLow) notes.push(`Its score of ${answer.score} is below the ${minScore} that the repository asks for.`);
  if (answer.verdict === "reject" && !grounds && !isUnproven) {
    problems.push("verdict: reject needs a criterion that is not met, or a blocker or a major at a line that is there.");
    return { opinion: undefined, problems };
  }
  const verdict = answer.verdict === "reject" || grounds || isUnproven || isLow ? "reject" : "approve";
  const { summary, score, confidence } = answer;
  return {
    opinion: { verdict, summary, criteria: known, findings, score, confidence, notes: notes.slice(0, 200).map((note) => note.slice(0, 1_000).toWellFormed()) },
    problems,
  };
}

/** Whether a finding alone keeps a change from being approved. */
export function refuses({ severity, proven }: CriticFinding): boolean {
  return proven && (severity === "blocker" || severity === "major");
}

/** As git has it: some write it from where they stand. */
export function plainPath(file: string): string {
  return file.replace(/^(\/workspace\/|(\.\/)+)/, "");
}

function missing({ file, line }: CriticPlace, lineCount: LineCount): string {
  const count = lineCount(file);
  return count === undefined ? `there is no file ${file.slice(0, 300)}` : `${file.slice(0, 300)} has ${count} lines, and no line ${line}`;
}

function whatWas(places: readonly CriticPlace[], lineCount: LineCount): string {
  return places.length === 0
    ? ""
    : ` (${places
        .slice(0, 3)
        .map((place) => missing(place, lineCount))
        .join("; ")})`;
}
