import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { parseChallenges } from '../../../src/registry/auth/challenge.ts';

const parse = (header: string | string[] | undefined): unknown =>
  parseChallenges(header).map(({ scheme, parameters }) => [scheme, Object.fromEntries(parameters)]);

describe('parseChallenges', () => {
  for (const [what, header, expected] of [
    ['nothing', undefined, []],
    ['Basic', 'Basic realm="Registry Realm"', [['basic', { realm: 'Registry Realm' }]]],
    ['a scheme alone', 'Negotiate', [['negotiate', {}]]],
    [
      "Docker Hub's",
      'Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:library/x:pull"',
      [
        [
          'bearer',
          {
            realm: 'https://auth.docker.io/token',
            service: 'registry.docker.io',
            scope: 'repository:library/x:pull',
          },
        ],
      ],
    ],
    [
      'several in one header',
      'Bearer realm="a,b",service=s , Basic realm="c"',
      [
        ['bearer', { realm: 'a,b', service: 's' }],
        ['basic', { realm: 'c' }],
      ],
    ],
    [
      'several headers',
      ['Basic realm=a', 'BEARER Realm="b"'],
      [
        ['basic', { realm: 'a' }],
        ['bearer', { realm: 'b' }],
      ],
    ],
    ['escapes and blanks', 'Bearer\trealm = "a\\"b" ,, x = y', [['bearer', { realm: 'a"b', x: 'y' }]]],
    [
      'a token in place of parameters',
      'Negotiate oYG2MIG1, Bearer realm="r"',
      [
        ['negotiate', {}],
        ['oyg2mig1', {}],
        ['bearer', { realm: 'r' }],
      ],
    ],
    ['a value twice: the first', 'Bearer realm=a,realm=b', [['bearer', { realm: 'a' }]]],
    [
      'an open quote',
      'Bearer realm="a',
      [
        ['bearer', { realm: '' }],
        ['a', {}],
      ],
    ],
  ] as const) {
    it(`reads ${what}`, () => assert.deepEqual(parse(header as string | string[] | undefined), expected));
  }

  const token = fc.stringMatching(/^[a-z][a-z0-9]{0,8}$/);
  const value = fc.string({ unit: 'grapheme-ascii', maxLength: 30 });
  const challenge = fc.tuple(
    token,
    fc.uniqueArray(fc.tuple(token, value), { selector: ([name]) => name, minLength: 1, maxLength: 4 }),
  );

  it('reads back what is written by the rules', () => {
    fc.assert(
      fc.property(fc.array(challenge, { maxLength: 4 }), fc.boolean(), (challenges, oneHeader) => {
        const written = challenges.map(([scheme, parameters]) => {
          const list = parameters.map(([name, text]) => `${name}="${text.replace(/[\\"]/g, '\\$&')}"`);
          return `${scheme} ${list.join(', ')}`;
        });
        assert.deepEqual(
          parse(oneHeader ? written.join(', ') : written),
          challenges.map(([scheme, parameters]) => [scheme, Object.fromEntries(parameters)]),
        );
      }),
    );
  });
  it('reads anything without failing, and in time that grows with its length', () => {
    // What a header's bytes become.
    const header = fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes).toString('latin1'));
    fc.assert(fc.property(header, (text) => void parseChallenges(text)));
    // Longer than any header that Node takes.
    for (const piece of ['"', '\\"', '= ', ', ', 'a="', 'a ']) parseChallenges(piece.repeat(20_000));
  });
});
