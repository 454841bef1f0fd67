/** In so many jobs a failure has to be seen as flaky before it bounces no job any more: one job alone quarantines nothing. */
export const QUARANTINE_AFTER_JOBS = 2;
/** For so many days a job that has seen it counts: what nobody has seen for longer bounces jobs again, until two have seen it anew. */
export const QUARANTINE_DAYS = 30;
