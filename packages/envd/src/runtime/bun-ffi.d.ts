// Only what the daemon uses of Bun. The full types would redefine web globals for every other package.
declare module "bun:ffi" {
  interface Signature {
    args: readonly string[];
    returns: string;
  }
  export function dlopen(
    file: string,
    symbols: Record<string, Signature>,
  ): { symbols: Record<string, (...args: (number | bigint)[]) => number> };
  export function ptr(array: ArrayBufferView): number;
  export const read: { i32(pointer: number, offset: number): number };
}
