/**
 * Fails where a public declaration lacks its doc comment: every exported function, class, interface, type and const of the packages that plugin authors
 * and users of the API read. A type that is inferred from a constant beside it, such as `z.infer<typeof y>`, is told of by the comment on that.
 */
import { readFileSync } from "node:fs";
import { glob } from "node:fs/promises";
import { join, relative } from "node:path";
import ts from "typescript";

const root = join(import.meta.dirname, "..");
const PACKAGES = ["packages/protocol/src", "backends/sdk/src"];

/** A declaration that others may import, by its name. */
interface Public {
  readonly name: string;
  readonly node: ts.Statement;
}

function publicOf(statement: ts.Statement): Public[] {
  const isExported = ts.canHaveModifiers(statement) && ts.getModifiers(statement)?.some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword);
  if (!isExported || isInferredType(statement)) return [];
  if (ts.isVariableStatement(statement)) return statement.declarationList.declarations.map(({ name }) => ({ name: name.getText(), node: statement }));
  const isNamed =
    ts.isFunctionDeclaration(statement) || ts.isClassDeclaration(statement) || ts.isInterfaceDeclaration(statement) || ts.isTypeAliasDeclaration(statement);
  return isNamed ? [{ name: statement.name?.getText() ?? "default", node: statement }] : [];
}

/** `z.infer<typeof y>` and `(typeof y)[number]`: what y is, with its comment, stands beside it. */
function isInferredType(statement: ts.Statement): boolean {
  if (!ts.isTypeAliasDeclaration(statement)) return false;
  const { type } = statement;
  const of = ts.isIndexedAccessTypeNode(type) ? type.objectType : isInference(type) ? type.typeArguments?.[0] : undefined;
  const inner = of && ts.isParenthesizedTypeNode(of) ? of.type : of;
  return inner !== undefined && ts.isTypeQueryNode(inner) && namesOf(statement.getSourceFile()).has(inner.exprName.getText());
}

function isInference(type: ts.TypeNode): type is ts.TypeReferenceNode {
  return ts.isTypeReferenceNode(type) && ["z.infer", "z.input", "z.output"].includes(type.typeName.getText());
}

/** Names of the constants of a file. */
function namesOf(file: ts.SourceFile): Set<string> {
  const lists = file.statements.filter(ts.isVariableStatement).flatMap(({ declarationList }) => [...declarationList.declarations]);
  return new Set(lists.map(({ name }) => name.getText()));
}

/** A comment with a blank line behind it is about what follows as a whole, and not about the declaration. */
function hasOwnComment(node: ts.Statement, file: ts.SourceFile): boolean {
  const comment = ts.getJSDocCommentsAndTags(node).filter(ts.isJSDoc).at(-1);
  if (!comment || comment.getText().replace(/[/*\s]/g, "") === "") return false;
  return file.getLineAndCharacterOfPosition(comment.end).line + 1 === file.getLineAndCharacterOfPosition(node.getStart()).line;
}

/** What a file lacks, as `file:line: name`. */
function undocumented(path: string): string[] {
  const file = ts.createSourceFile(path, readFileSync(path, "utf8"), ts.ScriptTarget.Latest, true);
  return file.statements.flatMap(publicOf).flatMap(({ name, node }) => {
    if (hasOwnComment(node, file)) return [];
    const { line } = file.getLineAndCharacterOfPosition(node.getStart());
    return [`${relative(root, path)}:${line + 1}: ${name}`];
  });
}

const missing: string[] = [];
for (const folder of PACKAGES) {
  for await (const path of glob("**/*.ts", { cwd: join(root, folder) })) {
    if (!path.endsWith(".test.ts")) missing.push(...undocumented(join(root, folder, path)));
  }
}
if (missing.length > 0) {
  console.error(
    `${missing.toSorted().join("\n")}\n${missing.length} public declarations lack a doc comment: what it is, its units, the errors that it can end with.`,
  );
  process.exitCode = 1;
}
