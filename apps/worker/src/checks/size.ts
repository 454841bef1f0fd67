import type { CheckInput, Finding } from "./finding.ts";

/** More than the repository's limits. What is too large for the other checks to look at is told too: it is not judged. */
export function checkSize({ files, config: { limits } }: CheckInput): Finding[] {
  const findings: Finding[] = [];
  if (files.length > limits.files) findings.push({ message: `${files.length} files are changed; at most ${limits.files} may be.` });
  const lines = files.reduce((sum, { added, removed }) => sum + added.length + removed.length, 0);
  if (lines > limits.lines) findings.push({ message: `${lines} lines are added and removed; at most ${limits.lines} may be.` });
  for (const { path, status, sizeBytes, isTooLarge } of files) {
    const kib = Math.ceil(sizeBytes / 1_024);
    if (status !== "deleted" && kib > limits.fileKib) findings.push({ path, message: `The file has ${kib} KiB; at most ${limits.fileKib} may be.` });
    else if (isTooLarge) findings.push({ path, level: "warning", message: `The file, of ${kib} KiB, is too large for its lines to be checked.` });
  }
  return findings;
}
