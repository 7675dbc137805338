import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import {
  MAX_BODY_BYTES,
  MAX_IMAGES,
  MAX_URL_CHARACTERS,
  MAX_WAIT_SECONDS,
  PAGE_SIZE,
  RUNS_LIMIT,
  STATISTICS_DAYS,
} from '../src/api/limits.ts';
import { CALLS } from '../src/api/calls.ts';
import { openApiDocument } from '../src/api/openapi.ts';
import {
  PrunedView,
  PruneView,
  RunsView,
  RunView,
  StatisticsPoint,
  StatisticsView,
  StoreSize,
} from '../src/api/operatorViews.ts';
import { LookupView, ProgressView } from '../src/api/views.ts';
import { ERROR_CODES, statusOf } from '../src/errors.ts';
import { BODY_MS, HANDLER_MS } from '../src/functions/http/deadlines.ts';

const page = readFileSync(new URL('../docs/http.md', import.meta.url), 'utf8');
const { paths } = openApiDocument('0.0.0');

/** What is described for people in docs/nodes.md. */
const ELSEWHERE = ['POST /api/lookup'];

/** The calls that the page begins a paragraph with, each with all parameters that it shows. */
const shown = new Map<string, Set<string>>();
for (const [, call = '', query = ''] of page.matchAll(/^\*\*`([A-Z]+ \/[^`?]*)(?:\?([^`]*))?`\*\*/gm)) {
  const names = shown.get(call) ?? new Set<string>();
  for (const [, name = ''] of query.matchAll(/(\w+)=/g)) names.add(name);
  shown.set(call, names);
}

/** The first cells of a table's rows, of the table whose head begins with `head`. */
function table(head: string): string[][] {
  const [, text = ''] = page.split(new RegExp(`^\\| ${head} .*\\n\\|[ |-]+\\n`, 'm'));
  const rows = text.split('\n');
  return rows
    .slice(
      0,
      rows.findIndex((row) => !row.startsWith('|')),
    )
    .map((row) =>
      row
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim()),
    );
}

/** What a text writes as code. */
const inCode = (text: string): string[] => [...text.matchAll(/`([^`]+)`/g)].map(([, code = '']) => code);

describe('docs/http.md', () => {
  it('has every call, and none that is not there', () => {
    const described = Object.entries(paths)
      .filter(([path]) => !path.startsWith('/v2/'))
      .flatMap(([path, methods]) => Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`));
    assert.deepEqual([...shown.keys(), ...ELSEWHERE].sort(), described.sort());
    for (const call of [...ELSEWHERE, '/v2/']) assert.ok(page.includes(`\`${call}\``), call);
  });

  for (const [call, names] of shown) {
    it(`has the parameters of ${call}`, () => {
      const [method = '', path = ''] = call.split(' ');
      const { parameters = [] } = paths[path]?.[method.toLowerCase()] ?? assert.fail('is not there');
      assert.deepEqual([...names].sort(), parameters.map(({ name }) => name).sort());
    });
  }

  it("has an image's members, its states and phases", () => {
    const rows = table('member');
    const members = rows.flatMap(([member = '']) => inCode(member));
    const known = Object.keys(LookupView.shape).filter((name) => name !== 'error');
    assert.deepEqual(members.sort(), known.sort());
    const state = rows.find(([member = '']) => member === '`state`')?.[1] ?? '';
    assert.deepEqual(inCode(state), ['ready', 'pending', 'failed', 'error', 'absent']);
    assert.deepEqual(LookupView.shape.state.options, ['ready', 'pending', 'failed', 'absent']);
    const progress = rows.slice(rows.findIndex(([member = '']) => member === '`progress`'));
    const words = new Set(progress.flatMap(([, what = '']) => inCode(what)));
    for (const word of [...ProgressView.shape.phase.options, ...Object.keys(ProgressView.shape)])
      assert.ok(words.has(word), word);
  });

  it('has every error with its status, in the order of statuses', () => {
    const rows = table('code').map(([code = '', status]) => [inCode(code)[0], Number(status)]);
    const known = ERROR_CODES.map((code) => [code, statusOf(code)] as const);
    assert.deepEqual(rows.toSorted(), known.toSorted());
    assert.deepEqual(
      rows.map(([, status]) => status),
      known.map(([, status]) => status).toSorted(),
    );
  });

  it('has the limits that hold', () => {
    const text = page.replace(/\s+/g, ' ');
    for (const says of [
      `of up to ${MAX_BODY_BYTES / 1024} KiB that arrives within ${BODY_MS / 1000} s`,
      `a URL has up to ${MAX_URL_CHARACTERS} characters`,
      `Every request is answered within ${HANDLER_MS / 1000} s`,
      `takes up to ${MAX_IMAGES} at once`,
      `\`limit\` is up to ${PAGE_SIZE.most}, else ${PAGE_SIZE.fallback}`,
      `\`wait\`: seconds to wait for it, up to ${MAX_WAIT_SECONDS}`,
      `\`limit\` is of each state, up to ${RUNS_LIMIT.most}, else ${RUNS_LIMIT.fallback}`,
      `over up to ${STATISTICS_DAYS.most} days, else ${STATISTICS_DAYS.fallback}`,
    ])
      assert.ok(text.includes(says), says);
  });

  it('says of each call whether it needs a key', () => {
    for (const { method, path, isAnonymous = false } of CALLS) {
      const call = `${method.toUpperCase()} ${path}`;
      if (!shown.has(call)) continue;
      const [, paragraph = ''] = page.split(new RegExp(`^\\*\\*\`${call}[\`?]`, 'm'));
      assert.equal(/\bno key/i.test(paragraph.split('\n\n')[0] ?? ''), isAnonymous, call);
    }
  });

  it('has the members of what operators get', () => {
    const words = new Set(inCode(page));
    const known = [
      RunsView,
      RunView,
      StatisticsView,
      StatisticsPoint,
      StoreSize,
      PruneView,
      PrunedView,
    ].flatMap(({ shape }) => Object.keys(shape));
    // It is sent back as it was asked for.
    const missing = known.filter((name) => !words.has(name) && name !== 'dryRun');
    assert.deepEqual(missing, []);
  });
});
