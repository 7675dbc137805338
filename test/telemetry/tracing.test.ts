import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import { context, SpanStatusCode, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-base';
import { activeTraceparent, inSpan, linkActiveSpan } from '../../src/telemetry/tracing.ts';

const TRACE = '0af7651916cd43dd8448eb211c80319c';
const PARENT = 'b7ad6b7169203331';
const TRACEPARENT = `00-${TRACE}-${PARENT}-01`;

describe('where nothing receives traces', () => {
  it('work is done all the same, and there is nothing to hand on', async () => {
    const seen = await inSpan('work', { traceparent: TRACEPARENT, attributes: { a: 1 } }, async () => {
      linkActiveSpan(TRACEPARENT);
      await Promise.resolve();
      return activeTraceparent() ?? 'nothing';
    });
    assert.equal(seen, 'nothing');
  });
});

describe('a span', () => {
  const exporter = new InMemorySpanExporter();
  before(() => {
    context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
    const processor = new SimpleSpanProcessor(exporter);
    trace.setGlobalTracerProvider(new BasicTracerProvider({ spanProcessors: [processor] }));
  });
  after(() => {
    context.disable();
    trace.disable();
  });
  beforeEach(() => exporter.reset());

  it('goes on with the trace that it is given, and is itself the parent of what is handed on', async () => {
    const handed = await inSpan('request', { traceparent: TRACEPARENT }, () =>
      Promise.resolve(activeTraceparent()),
    );
    await inSpan('activity', { traceparent: handed }, () => Promise.resolve());
    const [request, activity] = exporter.getFinishedSpans();
    assert.ok(request && activity);
    assert.deepEqual(
      [request, activity].map((span) => span.spanContext().traceId),
      [TRACE, TRACE],
    );
    assert.equal(request.parentSpanContext?.spanId, PARENT);
    assert.equal(activity.parentSpanContext?.spanId, request.spanContext().spanId);
  });

  for (const traceparent of [
    undefined,
    '',
    'x',
    `00-${'0'.repeat(32)}-${PARENT}-01`,
    `00-${TRACE}-${'0'.repeat(16)}-01`,
    `00-${TRACE}-${PARENT}-01-more`,
    `${TRACEPARENT}\r\nx: y`,
  ])
    it(`begins a trace of its own for ${JSON.stringify(traceparent)}`, async () => {
      await inSpan('request', { traceparent }, () => Promise.resolve());
      const [span] = exporter.getFinishedSpans();
      assert.notEqual(span?.spanContext().traceId, TRACE);
      assert.equal(span?.parentSpanContext, undefined);
    });

  it('ends with work that fails, is marked, and has nothing of its words', async () => {
    const failing = inSpan('work', {}, () => Promise.reject(new TypeError('the word is hunter2')));
    await assert.rejects(failing, /hunter2/);
    const [span] = exporter.getFinishedSpans();
    assert.equal(span?.status.code, SpanStatusCode.ERROR);
    assert.equal(span.attributes['error.type'], 'TypeError');
    assert.doesNotMatch(JSON.stringify([span.attributes, span.events, span.status]), /hunter2/);
  });

  it('has a link to the trace that it joins', async () => {
    await inSpan('request', {}, () => Promise.resolve(linkActiveSpan(TRACEPARENT)));
    assert.equal(exporter.getFinishedSpans()[0]?.links[0]?.context.traceId, TRACE);
  });
});
