import { SessionFile } from "@slipway/backend-sdk/session-file";
import { z } from "zod";

/** Of each turn, for an agent that cannot take its session up: this much of what was asked and answered. */
const TOLD_CHARACTERS = 2_000;
const TURNS_KEPT = 10;

const turnSchema = z.object({ prompt: z.string().max(TOLD_CHARACTERS), answer: z.string().max(TOLD_CHARACTERS) });
const sessionSchema = z.object({ sessionId: z.string().min(1).max(500), turns: z.array(turnSchema).max(TURNS_KEPT) });

/** The conversation that later turns go on with. */
export type Session = z.output<typeof sessionSchema>;

/** Where the conversation of the agent called `name` stands. */
export function sessionFileOf(name: string): SessionFile<typeof sessionSchema> {
  return new SessionFile(name, sessionSchema);
}

/** The session with one more turn. */
export function withTurn(session: Session, prompt: string, answer: string): Session {
  const turn = { prompt: prompt.slice(0, TOLD_CHARACTERS), answer: answer.slice(0, TOLD_CHARACTERS) };
  return { ...session, turns: [...session.turns, turn].slice(-TURNS_KEPT) };
}

/** A prompt that tells a new conversation what the lost one was about. */
export function retold(turns: Session["turns"], prompt: string): string {
  if (turns.length === 0) return prompt;
  const told = turns.map(({ prompt: asked, answer }, index) => `## Turn ${index + 1}: you were asked\n${asked}\n\n## You answered\n${answer}`);
  return `This goes on with work that was begun in an earlier conversation, in this same workspace.\n\n${told.join("\n\n")}\n\n## Now you are asked\n${prompt}`;
}
