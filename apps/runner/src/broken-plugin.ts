import { SlipwayError } from "@slipway/protocol/errors";
import type { BrokenBackend } from "@slipway/protocol/manifest";

/** A backend that is installed and cannot be loaded: BACKEND_BROKEN, with all that a person needs to mend it. */
export class BrokenPlugin extends SlipwayError {
  readonly broken: BrokenBackend;

  constructor(told: BrokenBackend, cause?: unknown) {
    const broken = { ...told, problem: told.problem.slice(0, 2_000).toWellFormed() };
    const { name, file, problem, expected, remedy } = broken;
    const message = `The backend ${name} (package ${told.package}) cannot be loaded: ${file}: ${problem}. Expected ${expected}.`;
    super("BACKEND_BROKEN", message, { backend: name, package: told.package, file, problem, expected, hint: remedy }, { cause });
    this.broken = broken;
  }
}
