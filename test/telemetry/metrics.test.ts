import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics';
import { METRICS, recordMetrics } from '../../src/telemetry/openTelemetry/metrics.ts';
import { type ServiceEvent, ServiceEvents } from '../../src/telemetry/serviceEvents.ts';
import { SAMPLE_EVENTS } from './support/sampleEvents.ts';

/** What is exported once these events have been told: each series as `name{labels} unit`, with its value. */
async function exported(
  told: readonly ServiceEvent[],
): Promise<Map<string, { readonly value: unknown; readonly unit: string; readonly name: string }>> {
  const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
  const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 3_600_000 });
  const meters = new MeterProvider({ readers: [reader] });
  const events = new ServiceEvents();
  recordMetrics(meters.getMeter('test'), events, { used: 4096 });
  for (const event of told) events.emit(event);
  await meters.forceFlush();
  const series = exporter
    .getMetrics()
    .flatMap(({ scopeMetrics }) =>
      scopeMetrics.flatMap(({ metrics }) =>
        metrics.flatMap(({ descriptor, dataPoints }) =>
          dataPoints.map(
            ({ attributes, value }) =>
              [
                `${descriptor.name} ${JSON.stringify(attributes)}`,
                { value, unit: descriptor.unit, name: descriptor.name },
              ] as const,
          ),
        ),
      ),
    );
  await meters.shutdown();
  return new Map(series);
}

describe('metrics', () => {
  it('are made of events, all of them, in their units', async () => {
    const series = await exported(Object.values(SAMPLE_EVENTS));
    const units = new Map([...series.values()].map(({ name, unit }) => [name, unit]));
    assert.deepEqual(
      Object.fromEntries([...units].sort()),
      Object.fromEntries(
        Object.entries(METRICS)
          .map(([name, { unit }]) => [name, unit])
          .sort(),
      ),
    );
  });

  it('have at most 50 registries, and count the others as one', async () => {
    const hosts = Array.from({ length: 500 }, (_, index) => `registry${index}.example`);
    const series = await exported(
      [...hosts, ...hosts].map((registry) => ({ ...SAMPLE_EVENTS.image_failed, registry })),
    );
    const failed = [...series].filter(([key]) => key.startsWith('image_cache.images.failed'));
    assert.equal(failed.length, 51);
    const label = { registry: 'other', 'error.type': 'registry_denied' };
    assert.equal(series.get(`image_cache.images.failed ${JSON.stringify(label)}`)?.value, 900);
  });

  it('have no image in any label', async () => {
    const keys = [...(await exported(Object.values(SAMPLE_EVENTS))).keys()];
    assert.deepEqual(
      keys.filter((key) => key.includes('team/app')),
      [],
    );
  });
});
