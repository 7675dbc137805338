import type { Attributes, Meter, MetricOptions } from '@opentelemetry/api';
import type { ServiceEvent, ServiceEvents } from '../serviceEvents.ts';
import { BoundedLabels } from './boundedLabels.ts';

/** Seconds: from a small image to one that waits a working day. */
const DURATIONS = [0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 7200, 25_200];

/**
 * Every metric, named and measured as https://opentelemetry.io/docs/specs/semconv/general/metrics/ advises. Labels are
 * few: registries up to a number, outcomes and codes, never images. docs/operations.md lists them.
 */
export const METRICS = {
  'image_cache.images.cached': { unit: '{image}', description: 'Images that were cached' },
  'image_cache.images.failed': { unit: '{image}', description: 'Runs that ended without their image' },
  'image_cache.run.duration': seconds('Of cached images, by phase'),
  'image_cache.registry.io': { unit: 'By', description: 'Bytes of layers received' },
  'image_cache.registry.wait.duration': seconds('Waits that registries made necessary'),
  'image_cache.registry.retries': { unit: '{retry}', description: 'Requests to registries tried again' },
  'image_cache.lookups': { unit: '{lookup}', description: 'Lookups, by outcome' },
  'image_cache.prune.images': {
    unit: '{image}',
    description: 'Images that were to go: deleted, held or failed',
  },
  'image_cache.prune.io': { unit: 'By', description: 'Bytes of archives that prune deleted' },
  'image_cache.prune.duration': seconds('Of prune'),
  'image_cache.store.images': { unit: '{image}', description: 'Images cached, as prune left them' },
  'image_cache.store.size': { unit: 'By', description: 'Bytes of all archives, as prune left them' },
  'image_cache.warm.images': {
    unit: '{image}',
    description: 'Images to be kept ready, as they stood when they were last asked for',
  },
  'image_cache.block_memory.used': { unit: 'By', description: 'Memory that blocks under way hold' },
} as const satisfies Record<string, MetricOptions>;

type MetricName = keyof typeof METRICS;

function seconds(description: string): MetricOptions {
  return { unit: 's', description, advice: { explicitBucketBoundaries: DURATIONS } };
}

/** Makes a metric of every event, and reads the block memory at each export. */
export function recordMetrics(
  meter: Meter,
  events: ServiceEvents,
  blockMemory: { readonly used: number },
): void {
  const counter = (name: MetricName) => meter.createCounter(name, METRICS[name]);
  const histogram = (name: MetricName) => meter.createHistogram(name, METRICS[name]);
  const gauge = (name: MetricName) => meter.createGauge(name, METRICS[name]);
  const cached = counter('image_cache.images.cached');
  const failed = counter('image_cache.images.failed');
  const duration = histogram('image_cache.run.duration');
  const pulled = counter('image_cache.registry.io');
  const waits = histogram('image_cache.registry.wait.duration');
  const retries = counter('image_cache.registry.retries');
  const lookups = counter('image_cache.lookups');
  const pruned = counter('image_cache.prune.images');
  const freed = counter('image_cache.prune.io');
  const pruning = histogram('image_cache.prune.duration');
  const images = gauge('image_cache.store.images');
  const size = gauge('image_cache.store.size');
  const warm = gauge('image_cache.warm.images');
  const used: MetricName = 'image_cache.block_memory.used';
  meter.createObservableGauge(used, METRICS[used]).addCallback((result) => result.observe(blockMemory.used));

  const registries = new BoundedLabels();
  const of = (registry: string): Attributes => ({ registry: registries.of(registry) });
  events.subscribe((event: ServiceEvent) => {
    switch (event.type) {
      case 'image_cached': {
        const { resolveSeconds, copySeconds, commitSeconds, waitSeconds } = event.phases;
        const labels = of(event.registry);
        cached.add(1, labels);
        duration.record(resolveSeconds, { ...labels, phase: 'resolve' });
        duration.record(copySeconds, { ...labels, phase: 'copy' });
        duration.record(commitSeconds, { ...labels, phase: 'commit' });
        duration.record(waitSeconds, { ...labels, phase: 'wait' });
        duration.record(event.seconds, { ...labels, phase: 'all' });
        return;
      }
      case 'image_failed':
        return failed.add(1, { ...of(event.registry), 'error.type': event.code });
      case 'bytes_pulled':
        return pulled.add(event.bytes, { ...of(event.registry), source: event.source });
      case 'registry_wait':
        return waits.record(event.seconds, { ...of(event.registry), 'error.type': event.code });
      case 'retry':
        return retries.add(1, of(event.host));
      case 'lookup':
        return lookups.add(1, { outcome: event.outcome });
      case 'prune':
        pruned.add(event.deleted, { result: 'deleted' });
        pruned.add(event.held, { result: 'held' });
        pruned.add(event.failed, { result: 'failed' });
        freed.add(event.bytes);
        return pruning.record(event.seconds);
      case 'store':
        images.record(event.images);
        return size.record(event.bytes);
      case 'warm':
        warm.record(event.ready, { result: 'ready' });
        warm.record(event.pending, { result: 'pending' });
        return warm.record(event.failed, { result: 'failed' });
      case 'resume':
      case 'quota':
      case 'warning':
        return undefined;
    }
  });
}
