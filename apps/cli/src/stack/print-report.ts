import type { Screen } from "../terminal/screen.ts";
import { duration, wrap } from "../terminal/text.ts";
import type { SupervisorReport } from "./messages.ts";

/** Tells of crashes and restarts of the stack's processes. */
export function printStackReport(screen: Screen, report: SupervisorReport): void {
  const { colors } = screen;
  if (report.type === "crashed")
    screen.progress(colors.yellow(`! the ${report.part} ended unexpectedly (${report.how}); starting it again in ${duration(report.restartInMs)}`));
  if (report.type === "restarted") screen.progress(colors.green(`✓ the ${report.part} is up again`));
  if (report.type === "unavailable") {
    const { code, message } = report.failure;
    for (const line of wrap(`! the ${report.part} could not start, so jobs that need a model cannot go on. ${code}: ${message}`, screen.width))
      screen.progress(colors.yellow(line));
  }
  if (report.type === "ended") screen.progress(`· the ${report.part} has ended (drained); restart \`slipway up\` to have it back`);
}
