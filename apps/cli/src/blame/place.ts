import { SlipwayError } from "@slipway/protocol/errors";

/** Lines of a file, counted from 1. */
export interface Place {
  /** As it was typed, relative to the current folder. */
  readonly file: string;
  readonly from: number;
  readonly to: number;
}

/** Reads `FILE:LINE` or `FILE:FROM-TO`. A file's name may have colons of its own: the last one counts. INVALID_REQUEST. */
export function parsePlace(text: string): Place {
  const match = /^(.+):(\d+)(?:-(\d+))?$/s.exec(text);
  const [, file = "", first = "", last = first] = match ?? [];
  const [from, to] = [Number(first), Number(last)];
  if (match && from >= 1 && to >= from && Number.isSafeInteger(to)) return { file, from, to };
  throw new SlipwayError("INVALID_REQUEST", `"${text}" names no lines of a file.`, {
    field: "place",
    value: text,
    expected: "FILE:LINE or FILE:FROM-TO, lines counted from 1",
    hint: "Such as `slipway blame src/start.ts:12` or `slipway blame src/start.ts:12-20`.",
  });
}
