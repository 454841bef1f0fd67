import type { TurnRecord } from "@slipway/backend-sdk/test-kit";
import { NAMED_SCENARIOS } from "../../support/model-server/named-scenarios.ts";
import type { Scenario } from "../../support/model-server/scenario.ts";

/** The scenario of that name. */
export function named(name: string): Scenario {
  const found = NAMED_SCENARIOS[name];
  if (!found) throw new Error(`there is no scenario ${name}`);
  return found.scenario;
}

/** How a turn ended: `done`, or its code. */
export function outcomeOf({ result }: TurnRecord): string {
  return result.status === "done" ? "done" : result.failure.code;
}

/** Data of a turn's events of one kind. */
export function eventsOf<K extends TurnRecord["events"][number]["kind"]>(record: TurnRecord, kind: K) {
  return record.events.flatMap((event) => (event.kind === kind ? [event.data as Extract<TurnRecord["events"][number], { kind: K }>["data"]] : []));
}
