import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import type { BundledPackage } from './bundledPackages.ts';

const RULE = '='.repeat(80);
const FILES = /^(?:(?:un)?licen[cs]e|copying|copyright|notice)(?:[.-].*)?$/i;

/**
 * The licenses and notices of what the bundle contains, as their authors wrote them: most ask to go with every copy.
 * A package that is installed twice in the same version is named once.
 * @param root the folder that the packages' folders are relative to
 */
export async function thirdPartyNotices(packages: readonly BundledPackage[], root: string): Promise<string> {
  const once = new Map(packages.map((bundled) => [`${bundled.name} ${bundled.version}`, bundled]));
  const parts = await Promise.all(
    [...once].map(async ([title, { folder, license }]) => {
      const texts = await noticesOf(path.join(root, folder));
      return [RULE, title, `License: ${license}`, '', texts.join('\n\n')].join('\n');
    }),
  );
  return `This program contains the packages below.\n\n${parts.join('\n\n')}\n`;
}

/** The texts of one package: its license files; else what its README says under "License"; else who wrote it. */
export async function noticesOf(folder: string): Promise<string[]> {
  const names = (await readdir(folder)).sort();
  const files = names.filter((name) => FILES.test(name));
  if (files.length > 0) return await Promise.all(files.map((name) => readText(path.join(folder, name))));
  const readme = names.find((name) => /^readme(?:\.|$)/i.test(name));
  const section =
    readme === undefined ? undefined : licenseSection(await readText(path.join(folder, readme)));
  return [section !== undefined && /copyright/i.test(section) ? section : await authorOf(folder)];
}

/** What stands under a Markdown heading "License", in either style, up to the next heading. */
function licenseSection(markdown: string): string | undefined {
  const [, section] =
    /(?:^|\n)(?:#+ *licen[cs]e *#*|licen[cs]e *\n[-=]+) *\n(.*?)(?=\n#+ |\n[^\n]+\n[-=]{3,} *\n|$)/is.exec(
      markdown,
    ) ?? [];
  return section?.trim();
}

async function authorOf(folder: string): Promise<string> {
  const { author } = JSON.parse(await readText(path.join(folder, 'package.json'))) as { author?: unknown };
  const name =
    typeof author === 'object' && author !== null && 'name' in author ? String(author.name) : author;
  return `The package has no text of its license. Its author: ${typeof name === 'string' ? name : 'not named'}.`;
}

async function readText(file: string): Promise<string> {
  return (await readFile(file, 'utf8')).replaceAll('\r\n', '\n').trim();
}
