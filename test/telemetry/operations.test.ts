import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { describe, it } from 'node:test';
import { METRICS } from '../../src/telemetry/openTelemetry/metrics.ts';
import { SAMPLE_EVENTS } from './support/sampleEvents.ts';

const PAGE = await readFile(new URL('../../docs/operations.md', import.meta.url), 'utf8');
/** What infra/ deploys, as the compiler predicts it. */
const SNAPSHOT = await readFile(new URL('../../infra/main.snapshot.json', import.meta.url), 'utf8');

/** Rows of the table that has this heading; a row without a first cell goes on with the one before. */
function table(heading: string): Map<string, string[]> {
  const lines = PAGE.split('\n');
  const start = lines.findIndex((line) => line.startsWith(`| ${heading} `));
  assert.notEqual(start, -1, heading);
  const rows = new Map<string, string[]>();
  let current = '';
  for (const line of lines.slice(start + 2)) {
    if (!line.startsWith('|')) break;
    const [first = '', ...cells] = line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim());
    if (first !== '') current = first.replaceAll('`', '');
    const before = rows.get(current);
    rows.set(
      current,
      cells.map((cell, index) => [before?.[index] ?? '', cell].join(' ').trim()),
    );
  }
  return rows;
}

const quoted = (text = ''): string[] => [...text.matchAll(/`([^`]+)`/g)].map(([, word = '']) => word);

describe('docs/operations.md', () => {
  it('has every event with its members, and no other', () => {
    const inPage = [...table('type')].map(([type, [, members]]) => [type, quoted(members).sort()]);
    const inCode = Object.entries(SAMPLE_EVENTS).map(([type, event]) => [
      type,
      Object.keys(event)
        .filter((name) => name !== 'type')
        .sort(),
    ]);
    assert.deepEqual(Object.fromEntries(inPage), Object.fromEntries(inCode));
  });

  it('has every metric with its unit, and no other', () => {
    const inPage = [...table('metric')].map(([name, [unit]]) => [name, quoted(unit)[0]]);
    const inCode = Object.entries(METRICS).map(([name, { unit }]) => [name, unit]);
    assert.deepEqual(Object.fromEntries(inPage), Object.fromEntries(inCode));
  });

  it('has every alert, with the events that it looks at, and no other', () => {
    const rows = [...table('alert')].map(([name, [on]]) => [
      name,
      quoted(on).filter((word) => Object.hasOwn(SAMPLE_EVENTS, word)),
    ]);
    const { predictedResources } = JSON.parse(SNAPSHOT) as {
      predictedResources: { type: string; name: string; properties: unknown }[];
    };
    const alerts = predictedResources
      .filter(({ type }) => type === 'Microsoft.Insights/scheduledQueryRules')
      .map(({ name, properties }) => [
        name,
        [...JSON.stringify(properties).matchAll(/e\.type == \\"(\w+)\\"/g)].map(([, event]) => event),
      ]);
    assert.equal(alerts.length, 4);
    assert.deepEqual(rows, alerts);
  });

  it('names phases and events in its queries that there are', () => {
    for (const phase of Object.keys(SAMPLE_EVENTS.image_cached.phases))
      assert.ok(PAGE.includes(phase), phase);
    for (const [, type = ''] of PAGE.matchAll(/"type":"(\w+)"/g))
      assert.ok(Object.hasOwn(SAMPLE_EVENTS, type), type);
  });
});
