import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { readableLine } from '../../local/readableLog.ts';
import { SAMPLE_EVENTS } from '../telemetry/support/sampleEvents.ts';

const NOW = new Date(2026, 2, 1, 12, 3, 44);

describe('the log at a terminal', () => {
  it('has events as words, the image first', () => {
    assert.equal(
      readableLine(JSON.stringify(SAMPLE_EVENTS.bytes_pulled), NOW).replaceAll('\u00a0', ' '),
      '12:03:44 bytes_pulled registry.example/team/app:1 run=01234567 registry=registry.example platform=linux/amd64 source=redirect bytes=9.8 KiB',
    );
    assert.match(
      readableLine(JSON.stringify(SAMPLE_EVENTS.image_cached), NOW),
      /seconds=12.5 resolveSeconds=0.5 copySeconds=1.5/,
    );
  });

  it('leaves anything else as it is', () => {
    for (const line of ['', 'error: x', '{"type":"broken', '{"other": 1}'])
      assert.equal(readableLine(line, NOW), line);
  });
});
