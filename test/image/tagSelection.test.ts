import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseTagSelection } from '../../src/image/tagSelection.ts';

const taken = (text: string, tags: readonly string[]): string[] => tags.filter(parseTagSelection(text).takes);

describe('a selection of tags', () => {
  it('is a repository, and the newest tag of it', () => {
    const { registry, repository, newest, takes } = parseTagSelection(' MyReg.azurecr.io/team/tool ');
    assert.deepEqual([registry, repository, newest], ['myreg.azurecr.io', 'team/tool', 1]);
    assert.ok(takes('1.0') && takes('latest') && takes('_x'));
  });

  it('is a pattern for tags, less what is not wanted, and how many', () => {
    const tags = ['1.0', '1.1-rc2', '1.1', '2.0', '1x0', '11.0', '1.2-dev'];
    assert.deepEqual(taken('r.azurecr.io/a:1.*', tags), ['1.0', '1.1-rc2', '1.1', '1.2-dev']);
    assert.deepEqual(taken('r.azurecr.io/a:1.* not=*-rc* newest=3 not=*-dev', tags), ['1.0', '1.1']);
    assert.equal(parseTagSelection('localhost:5000/a:* newest=1000').newest, 1000);
  });

  it('never is of what stands beside images: signatures, attestations, referrers', () => {
    const hex = 'ab'.repeat(32);
    assert.deepEqual(
      taken('r.azurecr.io/a', [`sha256-${hex}`, `sha256-${hex}.sig`, `sha256-${hex}.att`]),
      [],
    );
    assert.deepEqual(taken('r.azurecr.io/a', ['sha256-notes', 'sha-1a2b3c4']), [
      'sha256-notes',
      'sha-1a2b3c4',
    ]);
  });

  it('takes a star in the repository for many of them', () => {
    const { repository, repositories } = parseTagSelection('r.azurecr.io/pipelines/*/tool.x');
    assert.equal(repository, undefined);
    assert.ok(repositories.test('pipelines/a/b/tool.x') && repositories.test('pipelines/a/tool.x'));
    assert.ok(!repositories.test('pipelines/a/toolyx') && !repositories.test('my/pipelines/a/tool.x'));
    assert.ok(parseTagSelection('r.azurecr.io/*').repositories.test('anything/at/all'));
  });

  for (const wrong of [
    '',
    'ubuntu',
    'team/tool',
    'r.azurecr.io',
    'r.azurecr.io/',
    '*/tool',
    '*.azurecr.io/tool',
    'r.azurecr.io/Team',
    'r.azurecr.io/a b',
    'r.azurecr.io/a:',
    'r.azurecr.io/a:1 2',
    'r.azurecr.io/a:1(.*)+',
    'r.azurecr.io/a@sha256:' + 'ab'.repeat(32),
    'r.azurecr.io/a newest=0',
    'r.azurecr.io/a newest=1001',
    'r.azurecr.io/a newest=-1',
    'r.azurecr.io/a newest=1e2',
    'r.azurecr.io/a newest=',
    'r.azurecr.io/a latest=2',
    'r.azurecr.io/a not=a/b',
    'https://r.azurecr.io/a',
    'r.azurecr.io//a',
  ])
    it(`is not "${wrong}"`, () => {
      assert.throws(() => parseTagSelection(wrong));
    });
});
