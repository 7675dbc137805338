import type { AzureMonitorExporterOptions } from '@azure/monitor-opentelemetry-exporter';
import type { PushMetricExporter } from '@opentelemetry/sdk-metrics';
import type { SpanExporter } from '@opentelemetry/sdk-trace-base';
import type { AzureMonitorSetting, OtlpSetting, TelemetrySetting } from '../telemetrySetting.ts';

/** As `@azure/identity` gives it. */
export type Credential = NonNullable<AzureMonitorExporterOptions['credential']>;

export interface Exporters {
  readonly metrics: PushMetricExporter;
  readonly traces: SpanExporter;
}

/**
 * Each is loaded where it is used.
 * @param credential to sign in to Application Insights with, where its local authentication is off
 */
export function openExporters(
  setting: TelemetrySetting,
  credential: Credential | undefined,
): Promise<Exporters> {
  return setting.exporter === 'otlp' ? openOtlp(setting) : openAzureMonitor(setting, credential);
}

/** They read their addresses, headers and time-outs from OTEL_EXPORTER_OTLP_… themselves. */
async function openOtlp({ metricsProtocol, tracesProtocol }: OtlpSetting): Promise<Exporters> {
  const [metrics, traces] = await Promise.all([
    metricsProtocol === 'http/json'
      ? import('@opentelemetry/exporter-metrics-otlp-http')
      : import('@opentelemetry/exporter-metrics-otlp-proto'),
    tracesProtocol === 'http/json'
      ? import('@opentelemetry/exporter-trace-otlp-http')
      : import('@opentelemetry/exporter-trace-otlp-proto'),
  ]);
  return { metrics: new metrics.OTLPMetricExporter(), traces: new traces.OTLPTraceExporter() };
}

async function openAzureMonitor(
  { connectionString }: AzureMonitorSetting,
  credential: Credential | undefined,
): Promise<Exporters> {
  // The exporter would tell Microsoft about itself, at an address that a private network does not reach.
  process.env.APPLICATIONINSIGHTS_STATSBEAT_DISABLED ??= 'true';
  const { AzureMonitorMetricExporter, AzureMonitorTraceExporter } =
    await import('@azure/monitor-opentelemetry-exporter');
  const options: AzureMonitorExporterOptions = {
    connectionString,
    // What cannot be sent is dropped: nothing of the app lies on a disk.
    disableOfflineStorage: true,
    ...(credential !== undefined && { credential }),
  };
  return {
    metrics: new AzureMonitorMetricExporter(options),
    traces: new AzureMonitorTraceExporter(options),
  };
}
