import picomatch from "picomatch";

/** Whether a path is meant by one of some globs: a glob also stands for everything below what it matches, and dot files are files like any other. */
export function pathMatcher(globs: readonly string[]): (path: string) => boolean {
  // The flag lets a glob see past a newline in a name: without it such a name would slip out from under a list of what is denied.
  const options = { dot: true, nonegate: true, windows: false, flags: "s" };
  const matchers = globs.flatMap((glob) => {
    const plain = glob.replace(/^(\.?\/)+/, "").replace(/\/+$/, "");
    return [picomatch(plain, options), picomatch(`${plain}/**`, options)];
  });
  return (path) => matchers.some((matches) => matches(path));
}

/** Whether it means one path alone. */
export function isLiteral(glob: string): boolean {
  return !/[*?[\]{}()!+@\\|]/.test(glob);
}
