import { SlipwayError } from "@slipway/protocol/errors";

/** Deeper than any real request; what walks a request need not guard its stack. */
const DEPTH_LIMIT = 200;

/** One member of the outermost object, by the offsets of its bytes. */
export interface Member {
  readonly key: string;
  readonly keyStart: number;
  readonly valueStart: number;
  readonly valueEnd: number;
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const COLON = 0x3a;

/**
 * Walks an object that JSON.parse has taken, and tells where its members are, so that a rewrite leaves the bytes of all others as they came.
 * INVALID_REQUEST where a key stands twice in any object: the vendor's parser might take the other one than the gateway did, and a list of what is allowed
 * would be no bound.
 */
export function membersOf(json: Buffer): Member[] {
  const members: Member[] = [];
  const open: Array<Set<string> | null> = [];
  let expectsKey = false;
  let current: { key: string; keyStart: number; valueStart: number } | undefined;
  const close = (at: number): void => {
    if (current) members.push({ ...current, valueEnd: trimmedEnd(json, at) });
    current = undefined;
  };
  for (let at = 0; at < json.length; at += 1) {
    switch (json[at]) {
      case QUOTE: {
        const end = stringEnd(json, at);
        const keys = open.at(-1);
        if (expectsKey && keys) {
          const key = keyText(json, at, end);
          if (keys.has(key)) throw new SlipwayError("INVALID_REQUEST", `The request's key ${JSON.stringify(key.slice(0, 100))} stands twice in an object.`);
          keys.add(key);
          expectsKey = false;
          if (open.length === 1) current = { key, keyStart: at, valueStart: 0 };
        }
        at = end;
        break;
      }
      case COLON:
        if (open.length === 1 && current) current.valueStart = trimmedStart(json, at + 1);
        break;
      case COMMA:
        if (open.length === 1) close(at);
        expectsKey = open.at(-1) instanceof Set;
        break;
      case 0x7b: // {
        open.push(new Set());
        expectsKey = true;
        if (open.length > DEPTH_LIMIT) throw new SlipwayError("INVALID_REQUEST", `The request is nested deeper than ${DEPTH_LIMIT} levels.`);
        break;
      case 0x5b: // [
        open.push(null);
        expectsKey = false;
        if (open.length > DEPTH_LIMIT) throw new SlipwayError("INVALID_REQUEST", `The request is nested deeper than ${DEPTH_LIMIT} levels.`);
        break;
      case 0x7d: // }
      case 0x5d: // ]
        if (open.length === 1) close(at);
        open.pop();
        expectsKey = false;
        break;
    }
  }
  return members;
}

/** The object with some members' values replaced or (null) taken out, and others added; all else keeps its bytes. */
export function withMembers(json: Buffer, members: readonly Member[], changes: ReadonlyMap<string, string | null>): Buffer {
  const known = new Set(members.map(({ key }) => key));
  const parts: Buffer[] = [];
  const add = (part: Buffer): void => {
    parts.push(Buffer.from(parts.length === 0 ? "{" : ","), part);
  };
  for (const { key, keyStart, valueStart, valueEnd } of members) {
    const change = changes.get(key);
    if (change === undefined) add(json.subarray(keyStart, valueEnd));
    else if (change !== null) add(Buffer.concat([json.subarray(keyStart, valueStart), Buffer.from(change)]));
  }
  for (const [key, change] of changes) if (change !== null && !known.has(key)) add(Buffer.from(`${JSON.stringify(key)}:${change}`));
  return Buffer.concat([...parts, Buffer.from(parts.length === 0 ? "{}" : "}")]);
}

function stringEnd(json: Buffer, start: number): number {
  for (let at = start + 1; ; at += 1) {
    at = json.indexOf(QUOTE, at);
    if (at < 0) return json.length;
    let backslashes = 0;
    while (json[at - 1 - backslashes] === BACKSLASH) backslashes += 1;
    if (backslashes % 2 === 0) return at;
  }
}

function keyText(json: Buffer, start: number, end: number): string {
  const text = json.toString("utf8", start + 1, end);
  return text.includes("\\") ? String(JSON.parse(`"${text}"`)) : text;
}

function trimmedStart(json: Buffer, from: number): number {
  let at = from;
  while (isSpace(json[at])) at += 1;
  return at;
}

function trimmedEnd(json: Buffer, to: number): number {
  let at = to;
  while (isSpace(json[at - 1])) at -= 1;
  return at;
}

function isSpace(byte: number | undefined): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;
}
