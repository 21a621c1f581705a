/**
 * What a program file says about itself, where its contents are kept.
 *
 * @module
 */

import type { Inode } from "../fs/inode.ts";

const MAGIC = 0x464c457f;
const CLASS_64 = 2;
const PT_INTERP = 3;

/**
 * Whether a file is a statically linked program: an ELF file that asks for no interpreter. A file whose contents nobody
 * knows counts as dynamically linked, as most programs are.
 */
export function isStaticProgram(inode: Inode | null | undefined): boolean {
  const header = inode?.read(0, 64);
  if (header === undefined || header.length < 52) return false;
  const view = new DataView(header.buffer, header.byteOffset, header.length);
  if (view.getUint32(0, true) !== MAGIC) return false;
  const wide = view.getUint8(4) === CLASS_64;
  if (wide && header.length < 64) return false;
  const at = wide ? Number(view.getBigUint64(32, true)) : view.getUint32(28, true);
  const size = view.getUint16(wide ? 54 : 42, true);
  const count = view.getUint16(wide ? 56 : 44, true);
  for (let entry = 0; entry < count; entry++) {
    const type = inode?.read(at + entry * size, 4);
    if (type === undefined || type.length < 4) return false;
    if (new DataView(type.buffer, type.byteOffset, 4).getUint32(0, true) === PT_INTERP) return false;
  }
  return true;
}
