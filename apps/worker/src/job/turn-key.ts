/** Of the journal's step that holds how a turn ended. */
export function turnKey(turn: number): string {
  return `turn-${turn}`;
}
