import { type AnswerInput, type Scenario, scenarioOf } from "./scenario.ts";

const EDIT = "printf 'edited by the scripted model\\n' >> README.md";

/** Scenarios by name, with a word on each. */
export const NAMED_SCENARIOS: Readonly<Record<string, { readonly about: string; readonly scenario: Scenario }>> = {
  edit: always("Appends a line to README.md with the client's shell tool, then says that it is done.", [
    { text: "I will edit the file.", shell: EDIT },
    { text: "Done: the file was edited." },
  ]),
  text: always("Answers with text only.", [{ text: "Done: nothing to do." }]),
  run: { about: "Runs the command that stands in the prompt as RUN[[command]], then says that it is done.", scenario: run },
  reason: always("Thinks aloud, then answers with text.", [{ reasoning: "Nothing needs to change.", text: "Done: nothing to do." }]),
  parallel: always("Makes two tool calls at once.", [{ shell: ["printf one > one.txt", "printf two > two.txt"] }, { text: "Done: both files are there." }]),
  loop: always("Never stops calling the shell tool.", [{ text: "Once more.", shell: "true" }]),
  flood: always("A megabyte of text in 1000 pieces.", [{ flood: { bytes: 1_000_000, deltas: 1_000 } }]),
  slow: always("Keeps its headers back for 10 s.", [{ headersDelayMs: 10_000, text: "Done, at last." }]),
  hang: always("Takes the request and never answers.", [{ stop: "silent-before-headers" }]),
  silence: always("Falls silent inside the stream.", [{ stop: "silent-in-stream", text: "I was about to" }]),
  cut: always("Breaks the connection inside the stream.", [{ stop: "cut", text: "I was about to" }]),
  context: always("The conversation is too long.", [{ error: { meaning: "context" } }]),
  quota: always("The account has no quota left.", [{ error: { meaning: "quota" } }]),
  ...Object.fromEntries(
    [400, 401, 402, 403, 404, 429, 500, 503, 529].map((status) => [
      `error-${status}`,
      always(`Every request fails with ${status}.`, [{ error: { status, ...(status === 429 ? { retryAfterSeconds: 1 } : {}) } }]),
    ]),
  ),
};

function always(about: string, steps: AnswerInput[]) {
  return { about, scenario: scenarioOf({ turns: [{ steps }] }) };
}

function run({ prompt, step }: Parameters<Scenario>[0]): AnswerInput {
  const command = /RUN\[\[([\s\S]*?)\]\]/.exec(prompt)?.[1];
  if (command === undefined) return { text: "There is no RUN[[command]] in the prompt." };
  return step === 0 ? { shell: command } : { text: "Done: the command ran." };
}
