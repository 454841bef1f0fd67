import { randomUUID } from "node:crypto";
import { type Dirent, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** A value that is nowhere else on this machine, with characters that are written in several ways. */
export function freshSecret(): string {
  return `s3cr3t/${randomUUID()}+ü"`;
}

/** The files below a folder that hold a secret, as it is, as JSON or URL writes it, or as base64; `skip` names folders that are not looked into. */
export function filesWith(folder: string, secret: string, skip: readonly string[] = []): string[] {
  return entriesOf(folder).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return skip.includes(path) ? [] : filesWith(path, secret, skip);
    return entry.isFile() && holds(contentOf(path), secret) ? [path] : [];
  });
}

/** The processes of this machine, this one aside, whose arguments or environment hold a secret. */
export function processesWith(secret: string): string[] {
  const pids = readdirSync("/proc").filter((name) => /^\d+$/.test(name) && name !== String(process.pid));
  return pids.flatMap((pid) => ["cmdline", "environ"].map((name) => `/proc/${pid}/${name}`)).filter((path) => holds(contentOf(path), secret));
}

function holds(content: Buffer, secret: string): boolean {
  const base64 = [0, 1, 2].map((before) =>
    Buffer.from("x".repeat(before) + secret)
      .toString("base64")
      .slice(4, 40),
  );
  return [secret, JSON.stringify(secret).slice(1, -1), encodeURIComponent(secret), ...base64].some((form) => content.includes(form));
}

/** What goes away while it is looked at holds nothing any more. */
function contentOf(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch {
    return Buffer.alloc(0);
  }
}

function entriesOf(folder: string): Dirent[] {
  try {
    return readdirSync(folder, { withFileTypes: true });
  } catch {
    return [];
  }
}
