import { context, diag, DiagLogLevel, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import {
  defaultResource,
  detectResources,
  envDetector,
  type Resource,
  resourceFromAttributes,
} from '@opentelemetry/resources';
import { MeterProvider, PeriodicExportingMetricReader } from '@opentelemetry/sdk-metrics';
import { AlwaysOnSampler, BasicTracerProvider, BatchSpanProcessor } from '@opentelemetry/sdk-trace-base';
import type { ServiceEvents } from '../serviceEvents.ts';
import type { TelemetrySetting } from '../telemetrySetting.ts';
import { TRACER } from '../tracing.ts';
import { type Credential, openExporters } from './exporters.ts';
import { recordMetrics } from './metrics.ts';

/**
 * The entry of the part of the app that is loaded only where TELEMETRY is on: `dist/telemetry.cjs`. All that it keeps
 * is bounded: the span processor's queue (2048 spans; what does not fit is dropped) and one value per time series.
 */

/** For an export, and for the last ones at the end: the host ends the worker soon. */
const EXPORT_TIMEOUT_MS = 10_000;
const SHUTDOWN_MS = 5000;
/** Between two lines which say that nothing can be exported. */
const COMPLAINT_MS = 10 * 60_000;

export interface RunningTelemetry {
  /** Makes metrics of what happens from now on. */
  watch(events: ServiceEvents, blockMemory: { readonly used: number }): void;
  /** Sends what is left, for some seconds at most. Never rejects. */
  shutdown(): Promise<void>;
}

/** @param version of the app */
export async function startOpenTelemetry(
  setting: TelemetrySetting,
  version: string,
  credential: Credential | undefined,
): Promise<RunningTelemetry> {
  diag.setLogger(complaints(), { logLevel: DiagLogLevel.ERROR, suppressOverrideMessage: true });
  const resource = describeApp(version);
  const { metrics, traces } = await openExporters(setting, credential);
  const meters = new MeterProvider({
    resource,
    readers: [
      new PeriodicExportingMetricReader({
        exporter: metrics,
        exportIntervalMillis: setting.metricIntervalMs,
        exportTimeoutMillis: Math.min(setting.metricIntervalMs, EXPORT_TIMEOUT_MS),
      }),
    ],
  });
  const tracer = new BasicTracerProvider({
    resource,
    // The host marks its own spans as not recorded where it does not export them: that is no word about ours.
    ...(process.env.OTEL_TRACES_SAMPLER === undefined && { sampler: new AlwaysOnSampler() }),
    spanProcessors: [new BatchSpanProcessor(traces, { exportTimeoutMillis: EXPORT_TIMEOUT_MS })],
  });
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  trace.setGlobalTracerProvider(tracer);
  return {
    watch: (events, blockMemory) => recordMetrics(meters.getMeter(TRACER, version), events, blockMemory),
    shutdown: async () => {
      let timer: NodeJS.Timeout | undefined;
      const late = new Promise<void>((resolve) => (timer = setTimeout(resolve, SHUTDOWN_MS)));
      await Promise.race([Promise.allSettled([meters.shutdown(), tracer.shutdown()]), late]);
      clearTimeout(timer);
    },
  };
}

/** https://opentelemetry.io/docs/specs/semconv/resource/: OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES go first. */
function describeApp(version: string): Resource {
  const { WEBSITE_SITE_NAME: site, WEBSITE_INSTANCE_ID: instance } = process.env;
  return defaultResource()
    .merge(
      resourceFromAttributes({
        'service.name': site ?? TRACER,
        'service.version': version,
        ...(instance !== undefined && { 'service.instance.id': instance }),
      }),
    )
    .merge(detectResources({ detectors: [envDetector] }));
}

/**
 * What the SDK has to say about itself: that an export failed, over and over. Its texts hold what a server answered,
 * so that only a code is taken from them, and seldom.
 */
function complaints() {
  let last = Number.NEGATIVE_INFINITY;
  const error = (...words: unknown[]): void => {
    const now = performance.now();
    if (now - last < COMPLAINT_MS) return;
    last = now;
    const [code = 'no code'] = /\bE[A-Z]{4,}\b|\b[45]\d\d\b/.exec(words.map(String).join(' ')) ?? [];
    console.error(
      `Metrics and traces cannot be exported (${code}). Check TELEMETRY, where it sends to, and that this can be reached.`,
    );
  };
  const silent = (): void => undefined;
  return { error, warn: silent, info: silent, debug: silent, verbose: silent };
}
