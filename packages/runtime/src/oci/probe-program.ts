/** What the probe program prints. */
export const probeWord = "sandbank-probe";

const headerBytes = 64 + 56;
const loadAddress = 0x40_0000n;
const readExecute = 5;

interface Machine {
  /** e_machine of the ELF header */
  number: number;
  /** Code that writes `length` bytes at `address` to standard output and exits with 0. */
  code: (address: bigint, length: number) => Buffer;
}

const machines: Record<string, Machine> = {
  x64: { number: 62, code: x64Code },
  arm64: { number: 183, code: arm64Code },
};

/** mov eax,1; mov edi,1; mov esi,address; mov edx,length; syscall; mov eax,60; xor edi,edi; syscall */
function x64Code(address: bigint, length: number): Buffer {
  const code = Buffer.from("b801000000bf01000000be00000000ba000000000f05b83c00000031ff0f05", "hex");
  code.writeUInt32LE(Number(address), 11);
  code.writeUInt32LE(length, 16);
  return code;
}

/** mov x8,64; mov x0,1; movz x1,low; movk x1,high,lsl 16; mov x2,length; svc 0; mov x8,93; mov x0,0; svc 0 */
function arm64Code(address: bigint, length: number): Buffer {
  const movz = (register: number, value: number): number => (0xd280_0000 | (value << 5) | register) >>> 0;
  const movk16 = (register: number, value: number): number => (0xf2a0_0000 | (value << 5) | register) >>> 0;
  const supervisorCall = 0xd400_0001;
  const target = Number(address);
  const words = [
    movz(8, 64),
    movz(0, 1),
    movz(1, target & 0xffff),
    movk16(1, target >>> 16),
    movz(2, length),
    supervisorCall,
    movz(8, 93),
    movz(0, 0),
    supervisorCall,
  ];
  const code = Buffer.alloc(words.length * 4);
  for (const [index, word] of words.entries()) code.writeUInt32LE(word, index * 4);
  return code;
}

/**
 * A whole Linux program in some 170 bytes that prints `probeWord` and exits with 0: it needs no library and no template,
 * so that a sandbox can be booted on a machine that has nothing yet. undefined for architectures without one.
 */
export function probeProgram(arch: string): Buffer | undefined {
  const machine = machines[arch];
  if (!machine) return undefined;
  const text = Buffer.from(`${probeWord}\n`);
  const codeLength = machine.code(0n, 0).length;
  const textAddress = loadAddress + BigInt(headerBytes + codeLength);
  const code = machine.code(textAddress, text.length);
  const size = headerBytes + code.length + text.length;
  return Buffer.concat([elfHeader(machine.number), programHeader(size), code, text]);
}

function elfHeader(machine: number): Buffer {
  const header = Buffer.alloc(64);
  // 64 bits, little-endian, version 1
  header.write("\u007fELF\u0002\u0001\u0001", "latin1");
  header.writeUInt16LE(2, 16);
  header.writeUInt16LE(machine, 18);
  header.writeUInt32LE(1, 20);
  header.writeBigUInt64LE(loadAddress + BigInt(headerBytes), 24);
  header.writeBigUInt64LE(64n, 32);
  header.writeUInt16LE(64, 52);
  header.writeUInt16LE(56, 54);
  header.writeUInt16LE(1, 56);
  return header;
}

/** One segment: the whole file. */
function programHeader(size: number): Buffer {
  const header = Buffer.alloc(56);
  header.writeUInt32LE(1, 0);
  header.writeUInt32LE(readExecute, 4);
  header.writeBigUInt64LE(loadAddress, 16);
  header.writeBigUInt64LE(loadAddress, 24);
  header.writeBigUInt64LE(BigInt(size), 32);
  header.writeBigUInt64LE(BigInt(size), 40);
  header.writeBigUInt64LE(0x1000n, 48);
  return header;
}
