import { FINAL_STATES, TRANSITIONS } from "./states.ts";

/** The transition table as a Mermaid state diagram. */
export function stateDiagram(): string {
  const lines = TRANSITIONS.map((transition) => `  ${transition.from} --> ${transition.to}: ${transition.on}`);
  return ["stateDiagram-v2", "  [*] --> queued: submit", ...lines, ...FINAL_STATES.map((state) => `  ${state} --> [*]`)].join("\n");
}
