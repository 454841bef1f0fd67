import { extname } from "node:path";

/** One test of a file, as far as it can be told without running it. */
export interface TestCase {
  readonly name: string;
  /** Counted from 1. */
  readonly line: number;
  /** All of its text, until the next test begins. */
  readonly body: string;
}

/** What a line of a test file may say, in one language. */
interface Language {
  /** Begins a test; its first group that matched is the name. */
  readonly test: RegExp;
  /** Keeps a test from being run. */
  readonly skip: RegExp;
  /** Keeps all others from being run; never where the language has no such thing. */
  readonly only: RegExp;
  readonly assertion: RegExp;
  /** An assertion that almost anything passes. */
  readonly weak: RegExp;
  /** An assertion that nothing fails. */
  readonly empty: RegExp;
  /** Begins a line that is no code. */
  readonly comment: RegExp;
}

const NEVER = /(?!)/;
const SLASHES = /^\s*(\/\/|\*|\/\*)/;

const SCRIPT: Language = {
  test: /\b(?:test|it|specify|Deno\.test|[fx]it|xtest)(?:\.\w+)*\s*(?:\([^"'`]*\)\s*)?\(\s*(?:"((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\.)*)'|`((?:[^`\\]|\\.)*)`)/,
  skip: /\b(?:test|it|describe|suite|context)(?:\.\w+)*\.(?:skip|skipIf|todo|fixme|fails|failing)\b|\bx(?:it|test|describe|context)\s*\(|\b(?:t|ctx|this|test)\.(?:skip|todo)\s*\(|[{,]\s*(?:skip|todo)\s*:\s*(?!false)/,
  only: /\b(?:test|it|describe|suite|context)(?:\.\w+)*\.only\b|\bf(?:it|describe)\s*\(|[{,]\s*only\s*:\s*true/,
  assertion:
    /\bexpect(?:\.\w+)?\s*\(|\bassert(?:\.\w+)*\s*\(|\b(?:t|should)\.(?:is|equal|deepEqual|not|true|false|truthy|falsy|throws|like|snapshot|assert|ok)\w*\s*\(|\.should\b/,
  weak: /\.(?:toBeTruthy|toBeDefined|toBeFalsy)\(\)|\.not\.(?:toBeNull|toBeUndefined|toThrow|toBe|toEqual)\(|\bassert(?:\.ok)?\s*\((?![^)]*(?:===|==|\.equal))|\bt\.(?:ok|truthy|assert)\(|expect\.any(?:thing)?\(|toBeInstanceOf\(|toBe(?:Greater|Less)Than/,
  empty:
    /expect\(\s*(true|1|null|undefined|"[^"]*"|'[^']*'|\d+)\s*\)\.(?:toBe|toEqual|toStrictEqual)\(\s*\1\s*\)|expect\(\s*(?:true|1)\s*\)\.toBeTruthy\(\)|\bassert(?:\.ok)?\s*\(\s*(?:true|1)\s*[,)]|\bassert\.(?:strictEqual|equal|deepEqual)\(\s*([\w"']+)\s*,\s*\2\s*[,)]/,
  comment: SLASHES,
};

const LANGUAGES: ReadonlyArray<readonly [extensions: string, language: Language]> = [
  ["js mjs cjs jsx ts mts cts tsx vue svelte", SCRIPT],
  [
    "py",
    {
      test: /^\s*(?:async\s+)?def\s+(test\w*)\s*\(/,
      skip: /@(?:pytest\.mark\.(?:skip|skipif|xfail)|unittest\.(?:skip|skipIf|skipUnless|expectedFailure))\b|\bpytest\.(?:skip|xfail)\s*\(|\bself\.skipTest\s*\(|\bcollect_ignore/,
      only: NEVER,
      assertion: /^\s*assert\b|\bself\.(?:assert\w+|fail)\s*\(|\bpytest\.raises\s*\(/,
      weak: /^\s*assert\s+\w+(?:\.\w+)*\s*$|^\s*assert\s+.*\bis not None\b|\bself\.(?:assertTrue|assertIsNotNone|assertIsInstance)\(|^\s*assert\s+isinstance\(|^\s*assert\s.*(?:>=|<=|!=)/,
      empty: /^\s*assert\s+(?:True|1)\s*(?:$|#|,)|^\s*assert\s+(\w+)\s*==\s*\1\s*(?:$|#|,)|\bself\.assertTrue\(\s*True\s*\)/,
      comment: /^\s*#/,
    },
  ],
  [
    "go",
    {
      test: /^func\s+((?:Test|Fuzz|Example)\w*)\s*\(/,
      skip: /\b[tb]\.Skip(?:Now|f)?\s*\(|^\/\/go:build\s+(?:ignore|never)/,
      only: NEVER,
      assertion: /\b[tb]\.(?:Error|Fatal|Fail)\w*\s*\(|\b(?:assert|require)\.\w+\s*\(/,
      weak: /\b(?:assert|require)\.(?:NotNil|NotEmpty|True|NotEqual)\(/,
      empty: /\b(?:assert|require)\.True\(\s*t\s*,\s*true\b/,
      comment: SLASHES,
    },
  ],
  [
    "rs",
    {
      test: /^\s*(?:pub\s+)?(?:async\s+)?fn\s+(\w+)\s*\(\s*\)/,
      skip: /#\[\s*ignore\b/,
      only: NEVER,
      assertion: /\b(?:assert|debug_assert|assert_eq|assert_ne|assert_matches|panic)!\s*[([{]|#\[\s*should_panic/,
      weak: /\bassert_ne!|\bassert!\s*\((?![^)]*==)/,
      empty: /\bassert!\s*\(\s*true\s*[,)]/,
      comment: SLASHES,
    },
  ],
  [
    "java kt scala cs",
    {
      test: /^\s*(?:public\s+|internal\s+|private\s+)?(?:async\s+)?(?:void|fun|Task)\s+(?:`([^`]+)`|(\w+))\s*\(/,
      skip: /@(?:Disabled|Ignore)\b|\bassume\w*\s*\(|\bSkip\s*=/,
      only: NEVER,
      assertion: /\b(?:assert\w*|verify|Assert\.\w+|fail)\s*[({]|\.should\w*\b/,
      weak: /\bassertNotNull\s*\(|\bassertTrue\s*\(|\bassertNotEquals\s*\(|Assert\.(?:NotNull|True)\(/,
      empty: /\bassertTrue\s*\(\s*true\s*\)/,
      comment: SLASHES,
    },
  ],
  [
    "rb",
    {
      test: /^\s*(?:it|specify|test|scenario|xit|fit)\s*\(?\s*(?:"([^"]*)"|'([^']*)')|^\s*def\s+(test_\w+)/,
      skip: /^\s*(?:xit|xdescribe|xcontext|pending|skip)\b/,
      only: /^\s*(?:fit|fdescribe|fcontext)\b|,\s*:?focus\b/,
      assertion: /\bexpect\b|\bassert\w*\b|\.should\b|\brefute\w*\b/,
      weak: /\bassert\s+\w+\s*$|be_truthy|not_to\s+be_nil|assert_not_nil|refute_nil/,
      empty: /\bassert\s+true\b|expect\(\s*true\s*\)\.to\s+(?:be|eq)\(?\s*true/,
      comment: /^\s*#/,
    },
  ],
];

const BY_EXTENSION = new Map(LANGUAGES.flatMap(([extensions, language]) => extensions.split(" ").map((extension) => [extension, language] as const)));

/** The language of a file, by its name; undefined where no test of it can be told. */
export function languageOf(path: string): Language | undefined {
  return BY_EXTENSION.get(extname(path).slice(1).toLowerCase());
}

/** Of a line, so much is looked at: patterns take their time on long ones, and no test begins behind it. */
export const LOOKED_AT_CHARACTERS = 1_000;

/** The tests of a file, in their order. Lines that are comments are none of them. */
export function testCases(text: string, language: Language): TestCase[] {
  const found: Array<{ name: string; line: number; lines: string[] }> = [];
  for (const [index, whole] of text.split("\n").entries()) {
    const line = whole.slice(0, LOOKED_AT_CHARACTERS);
    if (language.comment.test(line)) continue;
    const match = language.test.exec(line);
    const name = match?.slice(1).find((group) => group !== undefined);
    if (name !== undefined) found.push({ name, line: index + 1, lines: [] });
    found.at(-1)?.lines.push(line.trim());
  }
  return found.map(({ name, line, lines }) => ({ name, line, body: lines.filter(Boolean).join("\n") }));
}

/** How many lines of a text match. */
export function countLines(text: string, pattern: RegExp): number {
  return text.split("\n").filter((line) => pattern.test(line.slice(0, LOOKED_AT_CHARACTERS))).length;
}
