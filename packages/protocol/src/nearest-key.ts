/**
 * The known key that a mistyped one was most likely meant to be; undefined where none is near. Letters count without case, `-` and `_`; a key that begins
 * another one (`timeout` for `timeoutSeconds`) is near too.
 */
export function nearestKey(key: string, known: readonly string[]): string | undefined {
  const asked = plain(key);
  // A long text is no typing error, and would be compared at length.
  if (asked.length === 0 || asked.length > 64) return undefined;
  const limit = Math.max(1, Math.floor(asked.length / 3));
  const rated = known.map((name) => ({ name, distance: editDistance(asked, plain(name)) }));
  const [best] = rated.filter(({ distance }) => distance <= limit).toSorted((a, b) => a.distance - b.distance);
  if (best) return best.name;
  return asked.length < 3 ? undefined : known.find((name) => plain(name).startsWith(asked) || asked.startsWith(plain(name)));
}

function plain(key: string): string {
  return key.toLowerCase().replace(/[-_]/g, "");
}

/** Letters to add, drop, replace, or swap with their neighbour (optimal string alignment, which is Damerau's distance without repeats). */
function editDistance(a: string, b: string): number {
  const rows: number[][] = [Array.from({ length: b.length + 1 }, (_, column) => column)];
  const at = (row: number, column: number): number => rows[row]?.[column] ?? 0;
  for (let row = 1; row <= a.length; row += 1) {
    rows[row] = [row];
    for (let column = 1; column <= b.length; column += 1) {
      const same = a[row - 1] === b[column - 1] ? 0 : 1;
      let distance = Math.min(at(row - 1, column) + 1, at(row, column - 1) + 1, at(row - 1, column - 1) + same);
      const swapped = row > 1 && column > 1 && a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1];
      if (swapped) distance = Math.min(distance, at(row - 2, column - 2) + 1);
      rows[row]?.push(distance);
    }
  }
  return at(a.length, b.length);
}
