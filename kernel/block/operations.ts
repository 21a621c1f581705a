/**
 * What a request asks a disk to do: operations and their flags, as `bi_opf` and `cmd_flags` hold them.
 *
 * @module
 */

/** `REQ_OP_READ`. */
export const REQ_OP_READ = 0;
/** `REQ_OP_WRITE`. */
export const REQ_OP_WRITE = 1;
/** `REQ_OP_FLUSH`. */
export const REQ_OP_FLUSH = 2;
/** `REQ_OP_DISCARD`. */
export const REQ_OP_DISCARD = 3;
/** Bits of the operation. */
export const REQ_OP_MASK = 0xff;
/** Someone waits for it. */
export const REQ_SYNC: number = 1 << 11;
/** Metadata. */
export const REQ_META: number = 1 << 12;
/** Boosted in the I/O scheduler. */
export const REQ_PRIO: number = 1 << 13;
/** Synchronous and not throttled (`REQ_IDLE`). */
export const REQ_IDLE: number = 1 << 15;
/** Must be on the medium when it completes. */
export const REQ_FUA: number = 1 << 17;
/** What was completed before must be on the medium first. */
export const REQ_PREFLUSH: number = 1 << 18;
/** Read ahead: may fail at any time. */
export const REQ_RAHEAD: number = 1 << 19;
/** Written in the background. */
export const REQ_BACKGROUND: number = 1 << 20;

/** `blk_op_is_sync`, `op_is_write`, … by the operation's bits. */
export function operationOf(opf: number): number {
  return opf & REQ_OP_MASK;
}

/** Whether it carries data to the disk or changes what is there. */
export function isWrite(opf: number): boolean {
  return (opf & 1) === 1;
}

/** Whether it needs the flush machinery. */
export function isFlush(opf: number): boolean {
  return (opf & (REQ_FUA | REQ_PREFLUSH)) !== 0;
}

/** The letters that the block tracepoints show (`blk_fill_rwbs`): `RA`, `WS`, `FF`. */
export function rwbs(opf: number): string {
  let text = (opf & REQ_PREFLUSH) !== 0 ? "F" : "";
  switch (operationOf(opf)) {
    case REQ_OP_READ:
      text += "R";
      break;
    case REQ_OP_WRITE:
      text += "W";
      break;
    case REQ_OP_FLUSH:
      text += "F";
      break;
    case REQ_OP_DISCARD:
      text += "D";
      break;
    default:
      text += "N";
  }
  if ((opf & REQ_FUA) !== 0) text += "F";
  if ((opf & REQ_RAHEAD) !== 0) text += "A";
  if ((opf & REQ_SYNC) !== 0) text += "S";
  if ((opf & REQ_META) !== 0) text += "M";
  return text;
}
