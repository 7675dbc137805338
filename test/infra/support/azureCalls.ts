import path from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));

/** Packages through which the app reaches services that ask for a role. */
const SDK = /node_modules\/(@azure\/(?!functions)[\w-]+)\//;

/**
 * Every function, method and constructor of an Azure SDK that `src` calls, as `package: Class.method`, by the type
 * checker's word: so a call is found whatever the variable is called.
 */
export function azureCalls(): Set<string> {
  const configFile = path.join(ROOT, 'tsconfig.json');
  const { options } = ts.parseJsonConfigFileContent(
    ts.readConfigFile(configFile, (name) => ts.sys.readFile(name)).config,
    ts.sys,
    ROOT,
  );
  const program = ts.createProgram([path.join(ROOT, 'src/main.ts')], options);
  const checker = program.getTypeChecker();
  const calls = new Set<string>();
  const visit = (node: ts.Node): void => {
    if (ts.isCallExpression(node) || ts.isNewExpression(node)) {
      const declaration = checker.getResolvedSignature(node)?.declaration;
      const name = declaration === undefined ? undefined : sdkName(declaration);
      if (name !== undefined) calls.add(name);
    }
    ts.forEachChild(node, visit);
  };
  for (const file of program.getSourceFiles()) if (isOwn(file)) visit(file);
  return calls;
}

function isOwn(file: ts.SourceFile): boolean {
  return !path.relative(path.join(ROOT, 'src'), file.fileName).startsWith('..');
}

function sdkName(declaration: ts.Signature['declaration']): string | undefined {
  const [, sdk] = SDK.exec(declaration?.getSourceFile().fileName ?? '') ?? [];
  if (declaration === undefined || sdk === undefined) return undefined;
  const { parent } = declaration;
  const owner =
    ts.isClassDeclaration(parent) || ts.isInterfaceDeclaration(parent) ? parent.name?.text : undefined;
  const name = ts.isConstructorDeclaration(declaration)
    ? 'new'
    : (ts.getNameOfDeclaration(declaration)?.getText() ?? '()');
  return `${sdk}: ${owner === undefined ? '' : `${owner}.`}${name}`;
}
