import { SettingError } from '../errors.ts';
import type { OtlpProtocol, TelemetrySetting } from '../telemetry/telemetrySetting.ts';
import { bad, clientId, type Environment, text, wholeNumber } from './values.ts';

/** The standard's default, and an hour. */
const METRIC_INTERVAL_MS = 60_000;
const MOST_METRIC_INTERVAL_MS = 3_600_000;

/**
 * What the exporters would find out only when they send is checked here; the rest of OTEL_… is theirs.
 * https://opentelemetry.io/docs/specs/otel/protocol/exporter/
 */
export function telemetry(env: Environment): TelemetrySetting | undefined {
  const exporter = text(env, 'TELEMETRY') ?? 'off';
  if (exporter === 'off') return undefined;
  const metricIntervalMs = wholeNumber(env, 'OTEL_METRIC_EXPORT_INTERVAL', METRIC_INTERVAL_MS, {
    least: 1000,
    most: MOST_METRIC_INTERVAL_MS,
  });
  switch (exporter) {
    case 'otlp':
      for (const name of ['', 'METRICS_', 'TRACES_']) httpUrl(env, `OTEL_EXPORTER_OTLP_${name}ENDPOINT`);
      return {
        exporter,
        metricsProtocol: otlpProtocol(env, 'METRICS'),
        tracesProtocol: otlpProtocol(env, 'TRACES'),
        metricIntervalMs,
      };
    case 'azure-monitor':
      return { exporter, ...applicationInsights(env), metricIntervalMs };
    default:
      throw bad('TELEMETRY', exporter, 'off, otlp or azure-monitor');
  }
}

function httpUrl(env: Environment, name: string): void {
  const value = text(env, name);
  if (value === undefined || (URL.canParse(value) && /^https?:/i.test(value))) return;
  // Without what may be a key.
  throw bad(name, value.replace(/[?].*$/s, '').replace(/^.*@/s, ''), 'an http or https URL');
}

function otlpProtocol(env: Environment, signal: 'METRICS' | 'TRACES'): OtlpProtocol {
  const own = `OTEL_EXPORTER_OTLP_${signal}_PROTOCOL`;
  const name = text(env, own) === undefined ? 'OTEL_EXPORTER_OTLP_PROTOCOL' : own;
  const value = text(env, name) ?? 'http/protobuf';
  if (value === 'http/protobuf' || value === 'http/json') return value;
  throw bad(name, value, 'http/protobuf or http/json');
}

/** Under the names that the Functions host has for its own telemetry: both go to one place in one way. */
function applicationInsights(env: Environment): {
  connectionString: string;
  identity?: { clientId?: string };
} {
  const connectionString = text(env, 'APPLICATIONINSIGHTS_CONNECTION_STRING');
  if (connectionString === undefined || !/(^|;)InstrumentationKey=/i.test(connectionString))
    throw new SettingError(
      'TELEMETRY is azure-monitor, so that APPLICATIONINSIGHTS_CONNECTION_STRING must be the connection string of an Application Insights resource.',
    );
  const name = 'APPLICATIONINSIGHTS_AUTHENTICATION_STRING';
  const value = text(env, name);
  if (value === undefined) return { connectionString };
  const parts = new Map(
    value.split(';').map((part): [string, string] => {
      const [key = '', ...rest] = part.split('=');
      return [key.trim().toLowerCase(), rest.join('=').trim()];
    }),
  );
  if (parts.get('authorization')?.toUpperCase() !== 'AAD')
    throw bad(name, value, 'Authorization=AAD, or ClientId=…;Authorization=AAD');
  const id = clientId({ [name]: parts.get('clientid') }, name);
  return { connectionString, identity: { ...(id !== undefined && { clientId: id }) } };
}
