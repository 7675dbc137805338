import {
  type Attributes,
  context,
  isSpanContextValid,
  ROOT_CONTEXT,
  type Span,
  type SpanContext,
  SpanStatusCode,
  trace,
} from '@opentelemetry/api';

/**
 * Traces, through the OpenTelemetry API alone: where nothing is registered with it (the setting TELEMETRY is off), all
 * of this does nothing. Attributes are names, codes and numbers; no address, and no error's message.
 */

export const TRACER = 'tes-image-cache';

/** Until something is registered with the API: what would be a span before is none. */
let starting: Promise<unknown> | undefined;

/** Lets the first spans wait for what receives them. @param start never rejects */
export function awaitTracing(start: Promise<unknown>): void {
  starting = start;
}

export interface SpanStart {
  /** W3C trace context of the parent; without one, the span goes on with what is active, or begins a trace. */
  readonly traceparent?: string | null | undefined;
  readonly attributes?: Attributes;
}

/** Works within a span, which ends with the work; where it throws, the span is marked as failed. */
export async function inSpan<T>(
  name: string,
  { traceparent, attributes = {} }: SpanStart,
  work: (span: Span) => Promise<T>,
): Promise<T> {
  if (starting !== undefined) await starting;
  const remote = parseTraceparent(traceparent);
  const parent = remote === undefined ? context.active() : trace.setSpanContext(ROOT_CONTEXT, remote);
  return trace.getTracer(TRACER).startActiveSpan(name, { attributes }, parent, async (span) => {
    try {
      return await work(span);
    } catch (error) {
      markFailed(span, error instanceof Error ? error.name : 'error');
      throw error;
    } finally {
      span.end();
    }
  });
}

/** @param type a code or the name of a class: https://opentelemetry.io/docs/specs/semconv/registry/attributes/error/ */
export function markFailed(span: Span, type: string): void {
  span.setAttribute('error.type', type);
  span.setStatus({ code: SpanStatusCode.ERROR });
}

/** Of the active span, so that others can make spans below it; undefined where traces are off. */
export function activeTraceparent(): string | undefined {
  const active = trace.getActiveSpan()?.spanContext();
  return active !== undefined && isSpanContextValid(active) ? formatTraceparent(active) : undefined;
}

/** Links the active span to another trace: that of a run which it joins. */
export function linkActiveSpan(traceparent: string | undefined): void {
  const linked = parseTraceparent(traceparent);
  if (linked !== undefined) trace.getActiveSpan()?.addLink({ context: linked });
}

/** https://www.w3.org/TR/trace-context/#traceparent-header */
function formatTraceparent({ traceId, spanId, traceFlags }: SpanContext): string {
  return `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, '0')}`;
}

/** What is none is as good as none: it comes from the host or a caller. */
function parseTraceparent(text: string | null | undefined): SpanContext | undefined {
  const match = /^00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/.exec(text ?? '');
  if (match === null) return undefined;
  const [, traceId = '', spanId = '', flags = ''] = match;
  const parsed = { traceId, spanId, traceFlags: parseInt(flags, 16), isRemote: true };
  return isSpanContextValid(parsed) ? parsed : undefined;
}
