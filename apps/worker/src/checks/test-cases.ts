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
export interface Language {
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
  /** Ends the run, or takes a failure, as if all had passed. */
  readonly swallows: RegExp;
  /** By what a runner tells a test from other functions; never where its name does. */
  readonly marker: RegExp;
  /** Begins a line that is no code. */
  readonly comment: RegExp;
  /** Begins and ends lines that are no code. */
  readonly block: readonly [begin: RegExp, end: RegExp];
}

const NEVER = /(?!)/;
const SLASHES = /^\s*(\/\/|\*|\/\*)/;
const SLASH_BLOCK = [/^\s*\/\*(?!.*\*\/)/, /\*\//] as const;

const SCRIPT: Language = {
  test: /\b(?:test|it|specify|Deno\.test|[fx]it|xtest)(?:\.\w+)*\s*(?:\([^"'`]*\)\s*)?\(\s*(?:"((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\.)*)'|`((?:[^`\\]|\\.)*)`)/,
  skip: /\b(?:test|it|describe|suite|context)(?:\.\w+)*\.(?:skip|skipIf|runIf|todo|fixme|fails|failing)\b|\bx(?:it|test|describe|context)\s*\(|\b(?:t|ctx|this|test)\.(?:skip|todo)\s*\(|[{,]\s*(?:skip|todo|fails)\s*:\s*(?!false)|\.each\(\s*\[\s*\]\s*\)|\bif\s*\(\s*(?:false|0)\s*\)|^\s*pending\s*\(/,
  only: /\b(?:test|it|describe|suite|context)(?:\.\w+)*\.only\b|\bf(?:it|describe)\s*\(|[{,]\s*only\s*:\s*true/,
  assertion:
    /\bexpect(?:\.\w+)?\s*\(|\bassert(?:\.\w+)*\s*\(|\b(?:t|should)\.(?:is|equal|deepEqual|not|true|false|truthy|falsy|throws|like|snapshot|assert|ok)\w*\s*\(|\.should\b/,
  weak: /\.(?:toBeTruthy|toBeDefined|toBeFalsy)\(\)|\.not\.(?:toBeNull|toBeUndefined|toThrow|toBe|toEqual)\(|\bassert(?:\.ok)?\s*\((?![^)]*(?:===|==|\.equal))|\bt\.(?:ok|truthy|assert)\(|expect\.any(?:thing)?\(|toBeInstanceOf\(|toBe(?:Greater|Less)Than|^\s*expect\((?:[^()]|\([^()]*\))*\);?\s*$/,
  empty:
    /expect\(\s*(true|1|null|undefined|"[^"]*"|'[^']*'|\d+)\s*\)\.(?:toBe|toEqual|toStrictEqual)\(\s*\1\s*\)|expect\(\s*(?:true|1)\s*\)\.toBeTruthy\(\)|\bassert(?:\.ok)?\s*\(\s*(?:true|1)\s*[,)]|\bassert\.(?:strictEqual|equal|deepEqual)\(\s*([\w"'.]+)\s*,\s*\2\s*[,)]|expect\(\s*([\w.]+)\s*\)\.to\w+\(\s*\3\s*\)|\b(?:expect|assert)\b.*\|\|\s*true\b/,
  swallows:
    /\bprocess\.exit\s*\(\s*0?\s*\)|\bprocess\.exitCode\s*=\s*0|\bcatch\s*(?:\(\w*\)\s*)?\{\s*\}|\.catch\(\s*\(\w*\)\s*=>\s*(?:\{\s*\}|null|undefined)\s*\)/,
  marker: NEVER,
  comment: SLASHES,
  block: SLASH_BLOCK,
};

const LANGUAGES: ReadonlyArray<readonly [extensions: string, language: Language]> = [
  ["js mjs cjs jsx ts mts cts tsx vue svelte", SCRIPT],
  [
    "py",
    {
      test: /^\s*(?:async\s+)?def\s+(test\w*)\s*\(/,
      skip: /\bpytest\.mark\.(?:skip|skipif|xfail)\b|@(?:unittest\.)?(?:skip|skipIf|skipUnless|expectedFailure)\b|\bunittest\.SkipTest\b|\bpytest\.importorskip\s*\(|^\s*__test__\s*=\s*False|^\s*if\s+(?:False|0)\s*:|\bpytest\.(?:skip|xfail)\s*\(|\bself\.skipTest\s*\(|\bcollect_ignore/,
      only: NEVER,
      assertion: /^\s*assert\b|\bself\.(?:assert\w+|fail)\s*\(|\bpytest\.raises\s*\(/,
      weak: /^\s*assert\s+\w+(?:\.\w+)*\s*$|^\s*assert\s+.*\bis not None\b|\bself\.(?:assertTrue|assertIsNotNone|assertIsInstance)\(|^\s*assert\s+isinstance\(|^\s*assert\s.*(?:>=|<=|!=)/,
      empty: /^\s*assert\s+(?:True|1)\s*(?:$|#|,)|^\s*assert\s+(\w+)\s*==\s*\1\s*(?:$|#|,)|\bself\.assertTrue\(\s*True\s*\)|^\s*assert\b.*\bor\s+True\b/,
      swallows: /\b(?:sys\.exit|os\._exit|exit|quit)\s*\(\s*0?\s*\)|\bpytest\.exit\s*\(|\bcontextlib\.suppress\s*\(|^\s*except\b.*:\s*(?:pass|\.\.\.)\s*$/,
      marker: /^class\s+Test\w*|^class\s+\w+\(.*TestCase/,
      comment: /^\s*#/,
      block: [/^[^"'#]*("""|''')(?!.*\1)/, /"""|'''/],
    },
  ],
  [
    "go",
    {
      test: /^func\s+((?:Test|Fuzz|Example)\w*)\s*\(/,
      skip: /\b[tb]\.Skip(?:Now|f)?\s*\(|^\/\/go:build\s|\bif\s+false\s*\{/,
      only: NEVER,
      assertion: /\b[tb]\.(?:Error|Fatal|Fail)\w*\s*\(|\b(?:assert|require)\.\w+\s*\(/,
      weak: /\b(?:assert|require)\.(?:NotNil|NotEmpty|True|NotEqual)\(/,
      empty: /\b(?:assert|require)\.True\(\s*t\s*,\s*true\b/,
      swallows: /\bos\.Exit\s*\(\s*0\s*\)|\bdefer\s+func\s*\(\)\s*\{\s*(?:_\s*=\s*)?recover\(\)/,
      marker: NEVER,
      // A build tag takes the whole file away.
      comment: /^\s*(?:\/\/(?!go:build\s)|\*|\/\*)/,
      block: SLASH_BLOCK,
    },
  ],
  [
    "rs",
    {
      test: /^\s*(?:pub\s+)?(?:async\s+)?fn\s+(\w+)\s*\(\s*\)/,
      skip: /#\[\s*(?:ignore|should_panic)\b|#!?\[\s*cfg\s*\(\s*(?:not\s*\(\s*test\b|any\s*\(\s*\)|feature\b)|\bif\s+false\s*\{/,
      only: NEVER,
      assertion: /\b(?:assert|debug_assert|assert_eq|assert_ne|assert_matches|panic)!\s*[([{]|#\[\s*should_panic/,
      weak: /\bassert_ne!|\bassert!\s*\((?![^)]*==)/,
      empty: /\bassert!\s*\(\s*true\s*[,)]|\bassert(?:_eq)?!\s*\(.*\|\|\s*true\b|\bassert_eq!\s*\(\s*(\w+)\s*,\s*\1\s*[,)]/,
      swallows: /\bprocess::exit\s*\(\s*0\s*\)/,
      marker: /#\[\s*(?:\w+::)*(?:test|rstest)\b/,
      comment: SLASHES,
      block: SLASH_BLOCK,
    },
  ],
  [
    "java kt scala cs",
    {
      test: /^\s*(?:public\s+|internal\s+|private\s+)?(?:async\s+)?(?:void|fun|Task)\s+(?:`([^`]+)`|(\w+))\s*\(/,
      skip: /@(?:Disabled\w*|Ignore|Enabled(?:If|On)\w*)\b|^\s*\[(?:Ignore|Explicit)\b|\benabled\s*=\s*false|\bif\s*\(\s*false\s*\)|\bassume\w*\s*\(|\bSkip\s*=/,
      only: NEVER,
      assertion: /\b(?:assert\w*|verify|Assert\.\w+|fail)\s*[({]|\.should\w*\b/,
      weak: /\bassertNotNull\s*\(|\bassertTrue\s*\(|\bassertNotEquals\s*\(|Assert\.(?:NotNull|True)\(/,
      empty: /\bassertTrue\s*\(\s*true\s*\)|\bassert\w*\s*\(.*\|\|\s*true\b|\bassertEquals\s*\(\s*(\w+)\s*,\s*\1\s*\)/,
      swallows: /\bcatch\s*\([^)]*\)\s*\{\s*\}|\bSystem\.exit\s*\(\s*0\s*\)|\bEnvironment\.Exit\s*\(\s*0\s*\)/,
      marker: /@(?:Test|ParameterizedTest|RepeatedTest|TestFactory)\b|^\s*\[(?:Fact|Theory|Test|TestCase|TestMethod)\b/,
      comment: SLASHES,
      block: SLASH_BLOCK,
    },
  ],
  [
    "rb",
    {
      test: /^\s*(?:it|specify|test|scenario|xit|fit)\s*\(?\s*(?:"([^"]*)"|'([^']*)')|^\s*def\s+(test_\w+)/,
      skip: /^\s*(?:xit|xdescribe|xcontext|xspecify|pending|skip)\b|,\s*:?(?:skip|pending)\b|\bif\s+false\b/,
      only: /^\s*(?:fit|fdescribe|fcontext)\b|,\s*:?focus\b/,
      assertion: /\bexpect\b|\bassert\w*\b|\.should\b|\brefute\w*\b/,
      weak: /\bassert\s+\w+\s*$|be_truthy|not_to\s+be_nil|assert_not_nil|refute_nil/,
      empty: /\bassert\s+true\b|expect\(\s*true\s*\)\.to\s+(?:be|eq)\(?\s*true|\bassert\b.*\|\|\s*true\b/,
      swallows: /^\s*(?:exit!?|abort)\b(?:\s*\(?\s*(?:0|true)\s*\)?)?\s*$|\brescue\s+(?:nil|true|false)\b/,
      marker: NEVER,
      comment: /^\s*#/,
      block: [/^=begin\b/, /^=end\b/],
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
  for (const { number, text: line } of codeLines(text, language)) {
    const match = language.test.exec(line);
    const name = match?.slice(1).find((group) => group !== undefined);
    if (name !== undefined) found.push({ name, line: number, lines: [] });
    found.at(-1)?.lines.push(line.trim());
  }
  return found.map(({ name, line, lines }) => ({ name, line, body: lines.filter(Boolean).join("\n") }));
}

/** The lines of a file that are code, each as far as it is looked at. */
export function codeLines(text: string, language: Language): Array<{ number: number; text: string }> {
  const [begin, end] = language.block;
  let isInside = false;
  return text.split("\n").flatMap((whole, index) => {
    const line = whole.slice(0, LOOKED_AT_CHARACTERS);
    if (isInside) {
      isInside = !end.test(line);
      return [];
    }
    isInside = begin.test(line);
    // What stands before the beginning of a block is code.
    return language.comment.test(line) ? [] : [{ number: index + 1, text: line }];
  });
}

/** How many lines of a text match. */
export function countLines(text: string, pattern: RegExp): number {
  return text.split("\n").filter((line) => pattern.test(line.slice(0, LOOKED_AT_CHARACTERS))).length;
}
