import { createMatcher, MASK, type Matcher, redactText } from "@slipway/redact/redactor";
import { SHORTEST_SECRET, secretPatterns } from "@slipway/redact/secret-patterns";

/** Shapes of credentials that no agent or repository means as text, whoever's they are. A group that stays is kept in front of the mask. */
const SHAPES: readonly RegExp[] = [
  /(\b(?:Bearer|Basic)\s+)[A-Za-z0-9._~+/-]{16,}=*/gi,
  // OpenAI's and Anthropic's keys, and those of others that begin alike.
  /\b()sk-[A-Za-z0-9_-]{16,}/g,
  /\b()AIza[A-Za-z0-9_-]{30,}/g,
  /\b()(?:ghp|gho|ghu|ghs|ghr|github_pat|glpat|npm)[_-][A-Za-z0-9_]{20,}/g,
  /\b()xox[abprs]-[A-Za-z0-9-]{10,}/g,
  /\b()(?:AKIA|ASIA)[A-Z0-9]{16}\b/g,
  /\b()eyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}/g,
  // Slipway's own, of attempts and of people and parts.
  /\b()slip(?:model|way)_[A-Za-z0-9_-]{20,}/g,
  /()-----BEGIN [A-Z ]*PRIVATE KEY-----[^"]*?-----END [A-Z ]*PRIVATE KEY-----/g,
];

/** Masks what must never be on a cassette, in texts of any length. */
export type SecretMask = (text: string) => string;

/** A mask for these values, in the ways in which programs write them, and for what has the shape of a credential. */
export function secretMask(values: readonly string[]): SecretMask {
  const matcher: Matcher = createMatcher(secretPatterns(values.filter((value) => value.length >= SHORTEST_SECRET)));
  return (text) => SHAPES.reduce((masked, shape) => masked.replace(shape, `$1${MASK}`), redactText(matcher, text));
}
