/** What the trailers of a commit say of a job behind it. */
export interface JobMark {
  readonly jobId: string;
  /** Fence of the attempt; null where the commit does not say. */
  readonly attempt: number | null;
  readonly backend: string | null;
  /** Who landed it although something was red (`slipway accept`); null for all others. */
  readonly acceptedBy: string | null;
}

const TRAILER = /^[ \t]*(Slipway-Job|Slipway-Attempt|Slipway-Backend|Accepted-By):[ \t]*(\S.*?)[ \t]*$/;

/**
 * The jobs that a commit's message names, each once, in the order in which they stand there. Not the message's last paragraph alone: whoever squashes
 * several commits into one leaves the trailers of each where they were.
 */
export function jobMarks(message: string): JobMark[] {
  const marks: Array<{ jobId: string; attempt: number | null; backend: string | null; acceptedBy: string | null }> = [];
  for (const line of message.split("\n")) {
    const [, name, value = ""] = TRAILER.exec(line) ?? [];
    const current = marks.at(-1);
    if (name === "Slipway-Job" && value !== current?.jobId) marks.push({ jobId: value, attempt: null, backend: null, acceptedBy: null });
    else if (name === "Slipway-Attempt" && current && /^[1-9]\d{0,8}$/.test(value)) current.attempt = Number(value);
    else if (name === "Slipway-Backend" && current) current.backend = value;
    else if (name === "Accepted-By" && current) current.acceptedBy = value;
  }
  return marks.filter(({ jobId }, index) => marks.findIndex((mark) => mark.jobId === jobId) === index);
}
