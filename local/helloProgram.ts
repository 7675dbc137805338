/**
 * The smallest program that greets: a static Linux executable, written out by hand, so that the demo's image can run
 * though nothing but npm made it. ELF: https://refspecs.linuxfoundation.org/elf/elf.pdf
 */
export type Architecture = 'amd64' | 'arm64';

const MACHINE: Readonly<Record<Architecture, number>> = { amd64: 62, arm64: 183 };
const LOAD_ADDRESS = 0x400000;
const HEADERS = 64 + 56;

/** @param message ASCII, below 4 KiB */
export function helloProgram(architecture: Architecture, message: string): Buffer {
  const text = Buffer.from(message, 'ascii');
  const code = architecture === 'amd64' ? amd64Code(text.length) : arm64Code(text.length);
  const size = HEADERS + code.length + text.length;

  const elf = Buffer.alloc(64);
  elf.write('\x7fELF', 'latin1');
  elf.set([2, 1, 1], 4); // 64 bit, little-endian, version 1
  elf.writeUInt16LE(2, 16); // executable
  elf.writeUInt16LE(MACHINE[architecture], 18);
  elf.writeUInt32LE(1, 20);
  elf.writeBigUInt64LE(BigInt(LOAD_ADDRESS + HEADERS), 24); // entry
  elf.writeBigUInt64LE(64n, 32); // program headers follow
  elf.writeUInt16LE(64, 52);
  elf.writeUInt16LE(56, 54);
  elf.writeUInt16LE(1, 56); // one of them

  const segment = Buffer.alloc(56);
  segment.writeUInt32LE(1, 0); // load
  segment.writeUInt32LE(5, 4); // read, execute
  segment.writeBigUInt64LE(BigInt(LOAD_ADDRESS), 16);
  segment.writeBigUInt64LE(BigInt(LOAD_ADDRESS), 24);
  segment.writeBigUInt64LE(BigInt(size), 32);
  segment.writeBigUInt64LE(BigInt(size), 40);
  segment.writeBigUInt64LE(0x1000n, 48);
  return Buffer.concat([elf, segment, code, text]);
}

/** write(1, text, length); exit(0). */
function amd64Code(length: number): Buffer {
  const code = Buffer.from(
    'b801000000' + // mov eax, 1
      'bf01000000' + // mov edi, 1
      '488d3510000000' + // lea rsi, [rip + 16]: the text, after the rest of the code
      'ba00000000' + // mov edx, length
      '0f05' + // syscall
      'b83c000000' + // mov eax, 60
      '31ff' + // xor edi, edi
      '0f05', // syscall
    'hex',
  );
  code.writeUInt32LE(length, 18);
  return code;
}

/** The same for a 64-bit ARM. */
function arm64Code(length: number): Buffer {
  const words = [
    0xd2800020, // mov x0, 1
    0x100000e1, // adr x1, 28 bytes on: the text
    0xd2800002 + (length << 5), // mov x2, length
    0xd2800808, // mov x8, 64
    0xd4000001, // svc 0
    0xd2800000, // mov x0, 0
    0xd2800ba8, // mov x8, 93
    0xd4000001, // svc 0
  ];
  const code = Buffer.alloc(words.length * 4);
  words.forEach((word, index) => code.writeUInt32LE(word >>> 0, index * 4));
  return code;
}
