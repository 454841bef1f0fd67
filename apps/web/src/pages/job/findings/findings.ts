import type { JobEvent } from "@slipway/protocol/events";

type DataOf<K extends JobEvent["kind"]> = Extract<JobEvent, { kind: K }>["data"];

/** What a check or a critic found, in words. */
export interface Finding {
  readonly key: string;
  /** Such as `check tests` or `critic second`. */
  readonly by: string;
  /** Of a critic; of a check `refuses` or `tells`. */
  readonly severity: string;
  readonly text: string;
  /** Null where it names no place. */
  readonly file: string | null;
  readonly line: number | null;
  /** Whether it alone keeps the change from being taken. */
  readonly refuses: boolean;
}

const ORDER = ["blocker", "unmet", "refuses", "major", "unproven", "minor", "nit", "tells"];

/** What the newest word of each check and critic found, refusing ones first. */
export function findingsOf(events: readonly JobEvent[]): Finding[] {
  const checks = newestChecks(events).flatMap((data) =>
    data.findings.map((text, index): Finding => {
      const by = `check ${data.name}`;
      return { key: `${by} ${index}`, by, severity: data.passed ? "tells" : "refuses", text, ...placeIn(text), refuses: !data.passed };
    }),
  );
  const found = [...checks, ...newestCritics(events).flatMap(findingsOfCritic)];
  return found.toSorted((one, other) => Number(other.refuses) - Number(one.refuses) || ORDER.indexOf(one.severity) - ORDER.indexOf(other.severity));
}

/** The newest word of each check. */
export function newestChecks(events: readonly JobEvent[]): DataOf<"check">[] {
  return newest(events.flatMap((event) => (event.kind === "check" ? [event.data] : [])));
}

/** The newest word of each critic. */
export function newestCritics(events: readonly JobEvent[]): DataOf<"critic">[] {
  return newest(events.flatMap((event) => (event.kind === "critic" ? [event.data] : [])));
}

function newest<T extends { readonly name: string }>(said: readonly T[]): T[] {
  return [...new Map(said.map((one) => [one.name, one])).values()];
}

function findingsOfCritic({ name, level, criteria, findings }: DataOf<"critic">): Finding[] {
  const by = `critic ${name}`;
  const isHeard = level === "required";
  const ofCriteria = criteria.flatMap(({ text, verdict, reason, evidence }, index): Finding[] => {
    if (verdict === "met") return [];
    const [place] = evidence;
    return [
      { key: `${by} c${index}`, by, severity: verdict, text: `${text}: ${reason}`, file: place?.file ?? null, line: place?.line ?? null, refuses: isHeard },
    ];
  });
  const own = findings.map(({ severity, text, file, line, proven }, index): Finding => {
    const refuses = isHeard && proven && (severity === "blocker" || severity === "major");
    const told = proven ? text : `${text} (what it names is not there)`;
    return { key: `${by} f${index}`, by, severity, text: told, file: file ?? null, line: line ?? null, refuses };
  });
  return [...ofCriteria, ...own];
}

/** Checks name places in their words: `src/a.ts:12 …`, or `src/a.ts: …`. */
function placeIn(text: string): { file: string | null; line: number | null } {
  const match = /^([^\s:]+[./][^\s:]*)(?::(\d+))?(?::|\s)/.exec(text);
  return { file: match?.[1] ?? null, line: match?.[2] === undefined ? null : Number(match[2]) };
}
