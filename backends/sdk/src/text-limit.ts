/** Of a text in an event or result; the protocol takes 262,144 characters. The log has all of a command's output. */
const LIMIT = 100_000;

/** The beginning of a text that is too long, with a word on what is missing. */
export function cutText(text: string): string {
  return text.length <= LIMIT ? text : `${text.slice(0, LIMIT)}… (${text.length - LIMIT} characters cut)`;
}

/** The end of a text that is too long: of a command's output, it tells how the command went. */
export function endOfText(text: string): string {
  return text.length <= LIMIT ? text : `(${text.length - LIMIT} characters cut) …${text.slice(-LIMIT)}`;
}
