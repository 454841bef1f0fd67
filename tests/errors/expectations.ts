import ts from "typescript";

/** The error codes, of those given, that the expectations of a test file name: in a text inside of `expect(…)…`, or in a row of `test.each(…)`. */
export function expectedCodes(path: string, source: string, codes: readonly string[]): Set<string> {
  const found = new Set<string>();
  const visit = (node: ts.Node, isExpected: boolean): void => {
    const inside = isExpected || (ts.isCallExpression(node) && (startsWithExpect(node) || isTable(node)));
    const text = inside && isText(node) ? node.getText() : "";
    if (text !== "") for (const code of codes) if (new RegExp(`\\b${code}\\b`).test(text)) found.add(code);
    ts.forEachChild(node, (child) => visit(child, inside));
  };
  visit(ts.createSourceFile(path, source, ts.ScriptTarget.Latest, true), false);
  return found;
}

/** `expect(a)`, `expect.objectContaining(a)`, `expect(a).rejects.toMatchObject(b)`. */
function startsWithExpect(call: ts.CallExpression): boolean {
  let at: ts.Expression = call;
  while (ts.isCallExpression(at) || ts.isPropertyAccessExpression(at)) at = at.expression;
  return ts.isIdentifier(at) && at.text === "expect";
}

/** `test.each([…])`: the rows, and not the test that is called with them. */
function isTable({ expression }: ts.CallExpression): boolean {
  return ts.isPropertyAccessExpression(expression) && expression.name.text === "each";
}

function isText(node: ts.Node): boolean {
  return ts.isStringLiteral(node) || ts.isNoSubstitutionTemplateLiteral(node) || ts.isRegularExpressionLiteral(node) || ts.isTemplateHead(node);
}
