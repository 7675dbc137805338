import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { unzipSync } from 'fflate';
import { zip } from '../../release/zip.ts';

const TEXT = new TextEncoder().encode('the same again and again, the same again and again');

describe('zip', () => {
  it('gives what went in, by name', () => {
    const files = unzipSync(
      zip(
        new Map([
          ['b/c', TEXT],
          ['a', new Uint8Array()],
        ]),
      ),
    );
    assert.deepEqual(Object.keys(files), ['a', 'b/c']);
    assert.deepEqual(files['b/c'], TEXT);
  });

  it('gives the same bytes whatever the order and the time zone', () => {
    const before = process.env.TZ;
    try {
      const bytes = ['Pacific/Kiritimati', 'Pacific/Pago_Pago'].map((zone, order) => {
        process.env.TZ = zone;
        const files: [string, Uint8Array][] = [
          ['a', TEXT],
          ['b', TEXT],
        ];
        return zip(new Map(order === 0 ? files : files.reverse()));
      });
      assert.deepEqual(bytes[0], bytes[1]);
    } finally {
      if (before === undefined) delete process.env.TZ;
      else process.env.TZ = before;
    }
  });
});
