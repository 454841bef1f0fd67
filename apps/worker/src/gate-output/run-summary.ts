/** What a test runner said of its run, as far as its output tells. */
export interface RunSummary {
  /** Names of the runners, such as `vitest`; several where a command ran several. */
  readonly runners: readonly string[];
  /** Undefined where the runner does not count what passes. */
  readonly passed: number | undefined;
  /** Tests, and files of tests that could not even be loaded. */
  readonly failed: number;
  readonly skipped: number;
  /** In the order of the output; FAILURES_KEPT at most. */
  readonly failures: readonly TestFailure[];
  /** Names of tests that passed, where the runner lists them; NAMES_KEPT at most. */
  readonly passedNames: readonly string[];
}

/** One test that failed. */
export interface TestFailure {
  /** With the names of the suites around it, joined by ` › `. */
  readonly name: string;
  readonly file?: string | undefined;
  readonly line?: number | undefined;
  /** What went wrong, in the runner's words; empty where it does not say. */
  readonly message: string;
  readonly expected?: string | undefined;
  readonly received?: string | undefined;
  /** Top of the stack, without frames of libraries and of the runtime. */
  readonly stack: readonly string[];
}

/** The output of a command, without terminal codes. */
export interface RunOutput {
  readonly text: string;
  /** Each cut to LINE_LIMIT_CHARACTERS. */
  readonly lines: readonly string[];
}

/** Reads one runner's output, whatever else stands around it. Takes time that grows with the length alone, and never throws. */
export interface OutputParser {
  readonly runner: string;
  /** Whether it may be worth reading: what every run of this runner says stands in the text. Must be cheap, as most outputs are of others. */
  isIn(text: string): boolean;
  parse(output: RunOutput): Omit<RunSummary, "runners"> | undefined;
}

export const FAILURES_KEPT = 200;
export const NAMES_KEPT = 5_000;
/** Patterns take their time on long lines, and no runner tells of a test behind it. */
export const LINE_LIMIT_CHARACTERS = 2_000;

/** Between the names of suites and test. */
export const NAME_SEPARATOR = " › ";
