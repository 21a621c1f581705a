/**
 * The uprobes of one kernel: registering them, and the breakpoints that this puts into address spaces.
 *
 * @module
 */

import type { Addr } from "../../image/model.ts";
import type { Kernel } from "../kernel.ts";
import { singlePage } from "../memory/page.ts";
import { UserPage } from "../memory/user_page.ts";
import type { UserSpace } from "../memory/user_space.ts";
import { mmAt, PAGE, type Vma } from "../mm/mm_struct.ts";
import { VM_EXEC } from "../mm/fields.ts";
import type { Task } from "../process/task.ts";
import { EINVAL, ENOENT } from "../syscalls/errno.ts";
import type { ReturnInstance, Uprobe, UprobeConsumer } from "./uprobe.ts";

/** The breakpoint instruction: `int3`, or `brk #5`. */
const BREAKPOINT = { x86_64: [0xcc], arm64: [0xa0, 0x00, 0x20, 0xd4], i386: [0xcc] } as const;

/** The uprobes of one kernel. */
export class UprobeTable {
  readonly #k: Kernel;
  readonly #probes = new Map<string, Uprobe>();
  /** Returns that are followed, by task, outermost first. */
  readonly returns: WeakMap<Task, ReturnInstance[]> = new WeakMap();

  constructor(k: Kernel) {
    this.#k = k;
  }

  /** Whether there are any. */
  get empty(): boolean {
    return this.#probes.size === 0;
  }

  /** All uprobes, in the order of registration. */
  list(): readonly Uprobe[] {
    return [...this.#probes.values()];
  }

  /** `uprobe_register`: 0, -ENOENT where no file is, -EINVAL for an offset behind its end or a consumer that wants nothing. */
  register(path: string, offset: number, consumer: UprobeConsumer): number {
    const inode = this.#k.vfs.lookup(path)?.inode;
    if (!inode) return -ENOENT;
    if (!Number.isSafeInteger(offset) || offset < 0 || offset > inode.size) return -EINVAL;
    if (consumer.handler === undefined && consumer.retHandler === undefined) return -EINVAL;
    if (this.#k.image.arch === "arm64" && offset % 4 !== 0) return -EINVAL;
    const key = `${inode.address}:${offset}`;
    let uprobe = this.#probes.get(key);
    if (uprobe === undefined) {
      uprobe = { inode: inode.address, offset, consumers: [] };
      this.#probes.set(key, uprobe);
      this.#everywhere(uprobe, true);
    }
    uprobe.consumers.push(consumer);
    return 0;
  }

  /** `uprobe_unregister`: the last consumer takes the breakpoints with it. */
  unregister(path: string, offset: number, consumer: UprobeConsumer): void {
    const inode = this.#k.vfs.lookup(path)?.inode;
    const key = `${inode?.address}:${offset}`;
    const uprobe = this.#probes.get(key);
    const at = uprobe?.consumers.indexOf(consumer) ?? -1;
    if (uprobe === undefined || at < 0) return;
    uprobe.consumers.splice(at, 1);
    if (uprobe.consumers.length > 0) return;
    this.#probes.delete(key);
    this.#everywhere(uprobe, false);
  }

  /** The uprobe whose breakpoint stands at a user address of the running task. */
  at(address: Addr): Uprobe | undefined {
    const area = mmAt(this.#k, this.#k.current.mm)?.find(address);
    if (area === undefined || area.start > address) return undefined;
    const inode = this.#k.vfs.files.get(area.file)?.inode;
    return this.#probes.get(`${inode?.address}:${area.pgoff * PAGE + address - area.start}`);
  }

  /** Whether the running task's text has a breakpoint at an address. */
  trapsAt(address: Addr): boolean {
    const bytes = BREAKPOINT[this.#k.image.arch];
    const found = this.#k.memory.probeReadBytes(address, bytes.length);
    return found !== null && bytes.every((byte, i) => found[i] === byte);
  }

  /** `uprobe_mmap`: an area was mapped that may hold places of uprobes. */
  mapped(area: Vma, space: UserSpace | null): void {
    const inode = this.#k.vfs.files.get(area.file)?.inode;
    if (space === null || !inode) return;
    for (const uprobe of this.#probes.values()) {
      if (uprobe.inode === inode.address) this.#patch(uprobe, area, space, true);
    }
  }

  #everywhere(uprobe: Uprobe, set: boolean): void {
    const seen = new Set<UserSpace>();
    for (const task of this.#k.tasks.all()) {
      const mm = mmAt(this.#k, task.mm);
      if (mm === undefined || mm.space === null || seen.has(mm.space)) continue;
      seen.add(mm.space);
      for (const area of mm.areas) {
        if (this.#k.vfs.files.get(area.file)?.inode?.address === uprobe.inode) {
          this.#patch(uprobe, area, mm.space, set);
        }
      }
    }
  }

  /**
   * `uprobe_write_opcode`: the page is replaced by a copy with the breakpoint in it. The copy takes no page frame: what the
   * kernel hands out later must not depend on who looks.
   */
  #patch(uprobe: Uprobe, area: Vma, space: UserSpace, set: boolean): void {
    const address = area.start + uprobe.offset - area.pgoff * PAGE;
    if ((area.flags & VM_EXEC) === 0 || address < area.start || address >= area.end) return;
    const key = Math.floor(address / PAGE);
    const offset = address - key * PAGE;
    const original = new Uint8Array(PAGE);
    space.fillerOf(key)?.(original);
    const put = (bytes: Uint8Array): void => {
      BREAKPOINT[this.#k.image.arch].forEach((byte, i) => {
        bytes[offset + i] = set ? byte : original[offset + i] ?? 0;
      });
    };
    const held = space.heldAt(key);
    if (held !== undefined) {
      put(held.page.bytes);
      return;
    }
    if (!set) return;
    const copy = new UserPage(0, "file", singlePage);
    const before = space.pageAt(key);
    copy.page.bytes.set(before?.page.bytes ?? original);
    put(copy.page.bytes);
    space.hold(key, copy);
    if (before !== undefined) space.install(key, before, false);
  }
}

const tables = new WeakMap<Kernel, UprobeTable>();

/** The uprobes of a kernel. */
export function uprobesOf(k: Kernel): UprobeTable {
  let table = tables.get(k);
  if (table === undefined) tables.set(k, table = new UprobeTable(k));
  return table;
}

/** The same, if anybody ever asked for them. */
export function uprobesIfAny(k: Kernel): UprobeTable | undefined {
  return tables.get(k);
}
