/** In so many jobs a failure has to be seen as flaky before it bounces no job any more: one job alone quarantines nothing. */
export const QUARANTINE_AFTER_JOBS = 2;
