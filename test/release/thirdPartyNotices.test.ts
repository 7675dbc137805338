import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { noticesOf, thirdPartyNotices } from '../../release/thirdPartyNotices.ts';
import { removeDirectory, temporaryDirectory } from '../support/process.ts';

describe('thirdPartyNotices', () => {
  let root: string;
  before(async () => {
    root = await temporaryDirectory('notices');
  });
  after(() => removeDirectory(root));

  async function packageOf(name: string, files: Readonly<Record<string, string>>): Promise<string> {
    const folder = path.join(root, name);
    await mkdir(folder, { recursive: true });
    for (const [file, text] of Object.entries(files)) await writeFile(path.join(folder, file), text);
    return folder;
  }

  it('takes every license and notice file of a package, and nothing else', async () => {
    const folder = await packageOf('files', {
      'LICENSE.txt': 'Apache\r\n',
      'NOTICE.txt': 'Parts by another',
      'licence-BSD': 'BSD',
      'licenses.js': 'code',
      'README.md': '# License\nCopyright nobody',
    });
    assert.deepEqual(await noticesOf(folder), ['Apache', 'Parts by another', 'BSD']);
  });

  const readmes = {
    'a heading of hashes': '# a\n\n## License\n\nMIT, Copyright A\n\nAnd no warranty\n\n## More\n\nno',
    'an underlined heading':
      'a\n=\n\nLicense\n-------\n\nMIT, Copyright A\n\nAnd no warranty\n\nMore\n----\n\nno',
    'a heading that is the last': '# a\n\n# LICENSE\nMIT, Copyright A\n\nAnd no warranty\n',
  };
  for (const [style, readme] of Object.entries(readmes))
    it(`finds the license in a README, under ${style}`, async () => {
      const folder = await packageOf(style, { 'readme.md': readme });
      assert.deepEqual(await noticesOf(folder), ['MIT, Copyright A\n\nAnd no warranty']);
    });

  for (const author of ['"A. Writer"', '{ "name": "A. Writer" }'])
    it(`names the author, written as ${author}, where there is no text`, async () => {
      const folder = await packageOf('nothing', {
        'README.md': '## License\n\nMIT\n',
        'package.json': `{ "author": ${author} }`,
      });
      assert.match((await noticesOf(folder)).join(), /no text of its license\. Its author: A\. Writer\.$/);
    });

  it('names a version once, however often it is installed', async () => {
    await packageOf('node_modules/ms', { LICENSE: 'of ms' });
    const ms = { name: 'ms', license: 'MIT', integrity: '', imports: [] };
    const text = await thirdPartyNotices(
      [
        { ...ms, version: '1.0.0', folder: 'node_modules/ms' },
        { ...ms, version: '2.0.0', folder: 'node_modules/ms' },
        { ...ms, version: '1.0.0', folder: 'node_modules/ms' },
      ],
      root,
    );
    assert.deepEqual(text.match(/^ms .*/gm), ['ms 1.0.0', 'ms 2.0.0']);
    assert.match(text, /\nms 1\.0\.0\nLicense: MIT\n\nof ms\n/);
  });
});
