/** The database's own time in ms since 1970, as an SQL expression: constant within a statement, and the only clock that leases know. */
export const NOW = "CAST(unixepoch('subsec') * 1000 AS INTEGER)";
