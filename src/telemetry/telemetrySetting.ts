/** Where metrics and traces go, beside the log: the setting TELEMETRY, with what it needs. */
export type TelemetrySetting = OtlpSetting | AzureMonitorSetting;

/** The exporters read the rest of OTEL_EXPORTER_OTLP_… themselves. */
export interface OtlpSetting {
  readonly exporter: 'otlp';
  readonly metricsProtocol: OtlpProtocol;
  readonly tracesProtocol: OtlpProtocol;
  /** Milliseconds between two exports of the metrics. */
  readonly metricIntervalMs: number;
}

export type OtlpProtocol = 'http/protobuf' | 'http/json';

export interface AzureMonitorSetting {
  readonly exporter: 'azure-monitor';
  readonly connectionString: string;
  /** Sign in to Application Insights by managed identity; needed where its local authentication is off. */
  readonly identity?: { readonly clientId?: string };
  readonly metricIntervalMs: number;
}
