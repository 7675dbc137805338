import { serve, type TestServer } from '../../registry/support/server.ts';

/** https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding, as far as the tests read it. */
export interface ReceivedSpan {
  readonly name: string;
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly attributes: readonly KeyValue[];
  readonly links?: readonly { readonly traceId: string }[];
  readonly status?: { readonly code?: number };
}

export interface ReceivedMetric {
  readonly name: string;
  readonly unit: string;
  readonly points: readonly {
    readonly labels: Readonly<Record<string, unknown>>;
    /** Of a sum or a gauge: the value; of a histogram: the sum of what was recorded. */
    readonly value: number;
    /** Of a histogram. */
    readonly count?: number;
  }[];
}

interface KeyValue {
  readonly key: string;
  readonly value: Readonly<Record<string, unknown>>;
}

interface Point {
  readonly attributes?: readonly KeyValue[];
  readonly asInt?: string | number;
  readonly asDouble?: number;
  readonly sum?: number;
  readonly count?: string | number;
}

interface MetricData {
  readonly name: string;
  readonly unit: string;
  readonly sum?: { readonly dataPoints: readonly Point[] };
  readonly gauge?: { readonly dataPoints: readonly Point[] };
  readonly histogram?: { readonly dataPoints: readonly Point[] };
}

export interface OtlpReceiver extends TestServer {
  spans(): ReceivedSpan[];
  /** As the last export of each has it: sums are cumulative. */
  metrics(): Map<string, ReceivedMetric>;
  resource(): Readonly<Record<string, unknown>>;
}

/** Accepts OTLP over HTTP, and reads what came as JSON. */
export async function startOtlpReceiver(): Promise<OtlpReceiver> {
  const server = await serve((_request, response) => {
    response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
  });
  const received = (path: string): Record<string, unknown>[] =>
    server.seen
      .filter(({ url, headers }) => url === path && headers['content-type'] === 'application/json')
      .map(({ body }) => JSON.parse(body) as Record<string, unknown>);
  return {
    ...server,
    spans: () =>
      received('/v1/traces').flatMap(({ resourceSpans }) =>
        (resourceSpans as { scopeSpans: { spans: ReceivedSpan[] }[] }[]).flatMap(({ scopeSpans }) =>
          scopeSpans.flatMap(({ spans }) => spans),
        ),
      ),
    metrics: () => {
      const all = received('/v1/metrics').flatMap(({ resourceMetrics }) =>
        (resourceMetrics as { scopeMetrics: { metrics: MetricData[] }[] }[]).flatMap(({ scopeMetrics }) =>
          scopeMetrics.flatMap(({ metrics }) => metrics),
        ),
      );
      return new Map(all.map((metric) => [metric.name, read(metric)]));
    },
    resource: () => {
      const [first] = received('/v1/traces');
      const [{ resource }] = first?.resourceSpans as [{ resource: { attributes: readonly KeyValue[] } }];
      return labelsOf(resource.attributes);
    },
  };
}

export function labelsOf(attributes: readonly KeyValue[] = []): Record<string, unknown> {
  return Object.fromEntries(attributes.map(({ key, value }) => [key, Object.values(value)[0]]));
}

function read({ name, unit, sum, gauge, histogram }: MetricData): ReceivedMetric {
  const points = (sum ?? gauge ?? histogram)?.dataPoints ?? [];
  return {
    name,
    unit,
    points: points.map(({ attributes, asInt, asDouble, sum: total, count }) => ({
      labels: labelsOf(attributes),
      value: Number(asInt ?? asDouble ?? total),
      ...(count !== undefined && { count: Number(count) }),
    })),
  };
}
