import type { CheckInput, Finding } from "./finding.ts";

/** Git's markers. The `=======` between them is a heading's underline elsewhere, and never there without these. */
const MARKER = /^(<{7}|>{7}|\|{7})( |$)/;

/** A merge that was not finished. */
export function checkConflicts({ files }: CheckInput): Finding[] {
  return files.flatMap(({ path, added }) =>
    added
      .filter(({ text }) => MARKER.test(text))
      .map(({ number, text }) => ({ path, line: number, message: `A merge's marker was left: \`${text.slice(0, 60)}\`.` })),
  );
}
