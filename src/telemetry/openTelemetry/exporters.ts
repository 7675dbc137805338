import type { AzureMonitorExporterOptions } from '@azure/monitor-opentelemetry-exporter';
import { diag } from '@opentelemetry/api';
import type { PushMetricExporter } from '@opentelemetry/sdk-metrics';
import type { SpanExporter } from '@opentelemetry/sdk-trace-base';
import type { AzureMonitorSetting, OtlpSetting, TelemetrySetting } from '../telemetrySetting.ts';

/** As `@azure/identity` gives it. */
export type Credential = NonNullable<AzureMonitorExporterOptions['credential']>;

type PipelinePolicy = NonNullable<AzureMonitorExporterOptions['additionalPolicies']>[number]['policy'];

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
  // The exporter would tell Microsoft about itself, at an address that a private network does not reach. The setting
  // that is documented, APPLICATIONINSIGHTS_STATSBEAT_DISABLED, leaves most of it on; this one turns it off.
  process.env.APPLICATION_INSIGHTS_NO_STATSBEAT ??= 'true';
  const [{ AzureMonitorMetricExporter, AzureMonitorTraceExporter }, { ConfigurationManager }] =
    await Promise.all([
      import('@azure/monitor-opentelemetry-exporter'),
      // The package does not export it, and there is no setting.
      import('../../../node_modules/@azure/monitor-opentelemetry-exporter/dist/esm/_configuration/configurationManager.js'),
    ]);
  const options: AzureMonitorExporterOptions = {
    connectionString,
    // What cannot be sent is dropped: nothing of the app lies on a disk.
    disableOfflineStorage: true,
    additionalPolicies: [{ position: 'perRetry', policy: COMPLAIN_OF_REFUSALS }],
    ...(credential !== undefined && { credential }),
  };
  const exporters = {
    metrics: new AzureMonitorMetricExporter(options),
    traces: new AzureMonitorTraceExporter(options),
  };
  // Some seconds after the start, and each hour, they would ask Microsoft's settings.sdk.monitor.azure.com.
  ConfigurationManager.getInstance().shutdown();
  return exporters;
}

/** The exporter drops without a word what is answered with 401, 403 or 503: it is meant to lie on a disk until later. */
const COMPLAIN_OF_REFUSALS: PipelinePolicy = {
  name: 'complain of refusals',
  sendRequest: async (request, next) => {
    const response = await next(request);
    if (response.status >= 400) diag.error(`The ingestion endpoint answers with ${response.status}.`);
    return response;
  },
};
