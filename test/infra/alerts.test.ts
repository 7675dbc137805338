import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { readSnapshot, resourcesOf } from './support/snapshot.ts';

const events = readFileSync('src/telemetry/serviceEvents.ts', 'utf8');
const registryEvents = readFileSync('src/registry/exchange/events.ts', 'utf8');
const errors = readFileSync('src/errors.ts', 'utf8');
const written = new Set(
  [...`${events}\n${registryEvents}`.matchAll(/readonly type: '(\w+)'/g)].map(([, type]) => type),
);

interface Criterion {
  readonly query: string;
  readonly operator: string;
  readonly threshold: number;
}
const alerts = resourcesOf(readSnapshot('main'), 'Microsoft.Insights/scheduledQueryRules').map((rule) => {
  const { allOf } = rule.properties?.criteria as { allOf: [Criterion] };
  return { name: rule.name, window: rule.properties?.windowSize, ...allOf[0] };
});
const rules = Object.fromEntries(alerts.map((rule) => [rule.name, rule]));
const workbook = readFileSync('infra/workbook.json', 'utf8');
const queries = [
  ...alerts,
  ...[...workbook.matchAll(/"query": ("(?:[^"\\]|\\.)*")/g)].map(([, query = '""'], index) => ({
    name: `workbook ${index + 1}`,
    query: JSON.parse(query) as string,
  })),
];

describe('queries', () => {
  it('are there for what an operator has to hear of', () => {
    assert.deepEqual(
      alerts.map(({ name }) => name),
      ['failed-images', 'throttled-registry', 'store-size', 'no-prune'],
    );
    assert.ok(queries.length > alerts.length + 6);
  });

  it('count rows as infra/README.md says', () => {
    const { 'no-prune': none, 'failed-images': failed, 'throttled-registry': throttled } = rules;
    assert.deepEqual(
      [failed?.operator, failed?.threshold, failed?.window],
      ['GreaterThanOrEqual', 5, 'PT1H'],
    );
    assert.deepEqual(
      [throttled?.operator, throttled?.threshold, throttled?.window],
      ['GreaterThan', 20, 'PT1H'],
    );
    assert.deepEqual([none?.operator, none?.threshold, none?.window], ['LessThan', 1, 'P2D']);
  });

  for (const { name, query } of queries) {
    const types = [...query.matchAll(/e\.type == "(\w+)"/g)].map(([, type]) => type);
    it(`${name} names events that the service writes`, () => {
      assert.notDeepEqual(types, []);
      for (const type of types) assert.ok(written.has(type), `Nothing writes ${type}.`);
    });

    it(`${name} reads members that these events have`, () => {
      for (const [, member = ''] of query.matchAll(/\be\.(?:phases\.)?(\w+)/g))
        assert.ok(new RegExp(`\\b${member}\\??:`).test(events), `No event has ${member}.`);
    });

    it(`${name} names error codes that there are`, () => {
      const [, list = ''] = /e\.code (?:!?in \(|== )([^)|]*)/.exec(query) ?? [];
      for (const [, code = ''] of list.matchAll(/"(\w+)"/g)) assert.ok(errors.includes(code), code);
    });
  }
});
