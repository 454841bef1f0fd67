import type { DaySpending } from "@slipway/protocol/budget";
import type { Database } from "../database.ts";
import { dayLedger } from "../day-budget.ts";

export function daySpending(db: Database): Omit<DaySpending, "budget"> {
  const { leftMs: _, ...spending } = dayLedger(db);
  return spending;
}
