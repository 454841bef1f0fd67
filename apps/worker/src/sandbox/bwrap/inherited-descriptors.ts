import { openSync, readdirSync, readFileSync } from "node:fs";

const O_CLOEXEC = 0o2000000;

let covered: ReadonlyArray<"ignore" | number> | undefined;

/**
 * What `stdio` must hold from descriptor `from` on, so that nothing which this process inherited goes on into a sandbox. Node marks low descriptors as its own
 * and lets high ones pass, such as those that a shell script keeps; here /dev/null takes their places.
 */
export function coverInherited(from: number): ReadonlyArray<"ignore" | number> {
  covered ??= cover(from);
  return covered;
}

function cover(from: number): Array<"ignore" | number> {
  const leaking = readdirSync("/proc/self/fdinfo")
    .map(Number)
    .filter((fd) => fd >= from && isInheritable(fd));
  if (leaking.length === 0) return [];
  const nothing = openSync("/dev/null", "r");
  const stdio: Array<"ignore" | number> = Array.from({ length: Math.max(...leaking) + 1 - from }, () => "ignore");
  for (const fd of leaking) stdio[fd - from] = nothing;
  return stdio;
}

function isInheritable(fd: number): boolean {
  try {
    const flags = /^flags:\s*([0-7]+)/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, "latin1"))?.[1];
    return flags !== undefined && (Number.parseInt(flags, 8) & O_CLOEXEC) === 0;
  } catch {
    // Closed meanwhile: the one that read the folder.
    return false;
  }
}
