import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseHostPattern, parseInsecureHost } from '../../../src/registry/net/hostPattern.ts';

describe('parseHostPattern', () => {
  for (const text of ['', 'http://x', 'x/y', 'a b', '*x', 'x.*', '*.', 'x:0', 'x:99999', 'x:', 'user@x']) {
    it(`refuses "${text}"`, () => assert.throws(() => parseHostPattern(text), /is not a registry host/));
  }
});

describe('parseInsecureHost', () => {
  it('tells hosts with TLS from those without', () => {
    const pattern = { host: 'x', port: 5000, wildcard: false };
    assert.deepEqual(parseInsecureHost('x:5000'), { pattern, isTls: false });
    assert.deepEqual(parseInsecureHost('https://x:5000'), { pattern, isTls: true });
  });
  for (const text of ['http://x', 'https://', 'https://https://x', 'https://x/y']) {
    it(`refuses "${text}"`, () => assert.throws(() => parseInsecureHost(text), /is not a registry host/));
  }
});
