export { isLiteral, pathMatcher } from "@slipway/git/path-globs";
