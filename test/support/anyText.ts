import fc from 'fast-check';

const FIRST_SURROGATE = 0xd800;
const SURROGATES = 0x800;

/**
 * Text of any code points, half of them among the first, where control characters and quotes are. In place of
 * fast-check's unit `binary`, which takes a second of each process to be set up.
 */
export function anyText(maxLength = 100): fc.Arbitrary<string> {
  const codePoint = fc
    .nat(0x10ffff - SURROGATES)
    .map((number) => (number < FIRST_SURROGATE ? number : number + SURROGATES));
  return fc
    .array(fc.oneof(fc.nat(0x2ff), codePoint), { maxLength })
    .map((codePoints) => String.fromCodePoint(...codePoints));
}
