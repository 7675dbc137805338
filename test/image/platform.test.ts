import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import {
  formatPlatform,
  normalisePlatform,
  parsePlatform,
  platformScore,
  withDefaultVariant,
} from '../../src/image/platform.ts';

describe('platforms', () => {
  const platform = fc.record(
    {
      os: fc.constantFrom('linux', 'windows'),
      architecture: fc.constantFrom('amd64', 'arm64', 'arm', 'x86_64', 'aarch64', '386', 'riscv64'),
      variant: fc.constantFrom('v1', 'v2', 'v3', 'v5', 'v6', 'v7', 'v8', '8', 'odd'),
    },
    { requiredKeys: ['os', 'architecture'] },
  );
  it('are normal once they are normalised, and are read back as they are written', () => {
    fc.assert(
      fc.property(platform, (one) => {
        const normal = normalisePlatform(one);
        assert.deepEqual(normalisePlatform(normal), normal);
        assert.deepEqual(parsePlatform(formatPlatform(normal)), withDefaultVariant(normal));
      }),
    );
  });
  it('run what was built for them, and of that the best', () => {
    fc.assert(
      fc.property(platform, platform, (wanted, other) => {
        const own = platformScore(wanted, wanted);
        assert.ok(own > 0);
        assert.ok(platformScore(wanted, other) <= own);
      }),
    );
  });
});
