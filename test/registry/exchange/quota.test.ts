import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { readQuota } from '../../../src/registry/exchange/quota.ts';

describe('readQuota', () => {
  it("reads Docker Hub's headers", () => {
    const headers = {
      'ratelimit-limit': '100;w=21600',
      'ratelimit-remaining': '76;w=21600',
      'docker-ratelimit-source': '203.0.113.7',
    };
    assert.deepEqual(readQuota(headers), {
      limit: 100,
      remaining: 76,
      windowSeconds: 21600,
      source: '203.0.113.7',
    });
  });
  it('reads nothing where there is nothing', () => {
    assert.equal(readQuota({}), undefined);
    assert.equal(readQuota({ 'ratelimit-limit': '100', 'ratelimit-remaining': 'many' }), undefined);
  });
});
