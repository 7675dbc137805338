import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { HeadMender, mendedHead } from '../../../src/registry/net/mendedHead.ts';

const MiB = 1024 * 1024;

/** What comes out of a mender that is given a text in pieces of `size` bytes. */
function passed(text: string, size = text.length, limit = MiB): string {
  const mender = new HeadMender(limit);
  const bytes = Buffer.from(text, 'latin1');
  const out: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += size) out.push(mender.pass(bytes.subarray(at, at + size)));
  return Buffer.concat([...out, mender.end()]).toString('latin1');
}

describe('the head of an answer', () => {
  const cases: readonly (readonly [string, string, string])[] = [
    ['is left as it is', 'HTTP/1.1 200 OK\r\nA: b\r\n\r\n', 'HTTP/1.1 200 OK\r\nA: b\r\n\r\n'],
    [
      'has one Content-Length of one value',
      'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nA: b\r\ncontent-length:5 \r\n\r\n',
      'HTTP/1.1 200 OK\r\nA: b\r\nContent-Length: 5\r\n\r\n',
    ],
    ['has ends of lines', 'HTTP/1.1 200 OK\nA: b\r\nC: d\n\n', 'HTTP/1.1 200 OK\r\nA: b\r\nC: d\r\n\r\n'],
    [
      'is chunked rather than so long',
      'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n',
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n',
    ],
    [
      'keeps lengths that differ',
      'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n',
      'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n',
    ],
    [
      'keeps what is no length',
      'HTTP/1.1 200 OK\r\nContent-Length: +5\r\nContent-Length: +5\r\n\r\n',
      'HTTP/1.1 200 OK\r\nContent-Length: +5\r\nContent-Length: +5\r\n\r\n',
    ],
    [
      'keeps a line without a colon',
      'HTTP/1.1 200 OK\r\nnothing\r\n\r\n',
      'HTTP/1.1 200 OK\r\nnothing\r\n\r\n',
    ],
  ];
  for (const [what, given, mended] of cases) it(what, () => assert.equal(mendedHead(given), mended));
});

describe('an answer as it arrives', () => {
  const body = 'the \xff body\n\nContent-Length: 1\nContent-Length: 1\n\n';
  const hints = 'HTTP/1.1 103 Early Hints\nLink: </>\n\n';
  const sent = `${hints}HTTP/1.1 200 OK\nContent-Length: 40\nContent-Length: 40\n\n${body}`;
  const mended = `HTTP/1.1 103 Early Hints\r\nLink: </>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 40\r\n\r\n${body}`;

  it('is mended however it is cut, and its body is not touched', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: sent.length }), (size) => {
        assert.equal(passed(sent, size), mended);
      }),
    );
  });
  it('passes as it is where its head does not end', () => {
    assert.equal(passed('HTTP/1.1 200 OK\nA: b\n', 3), 'HTTP/1.1 200 OK\nA: b\n');
  });
  it('passes as it is beyond the limit, and is not held', () => {
    const long = `HTTP/1.1 200 OK\nA: ${'b'.repeat(1000)}\n\nbody`;
    assert.equal(passed(long, 10, 100), long);
    const mender = new HeadMender(100);
    mender.pass(Buffer.alloc(101, 'x'));
    assert.equal(mender.pass(Buffer.from('more')).toString(), 'more');
  });
});
