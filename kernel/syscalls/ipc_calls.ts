/**
 * System V IPC: shared memory, semaphores, messages; i386's one call for all of them.
 *
 * @module
 */

import type { Blocking, FunctionRef } from "../calls/function.ts";
import { recorded, recordedOr } from "../fs/recorded.ts";
import { IPC_RMID, IPC_SET, IPC_STAT, type IpcPerm, mayChange, permWords, usable } from "../ipc/ids.ts";
import { DO_MSGRCV, DO_MSGSND, KSYS_MSGGET, msgIds, receive, removeQueue, send } from "../ipc/msg.ts";
import {
  KSYS_SEMGET,
  removeSet,
  semIds,
  SEMOP,
  semop,
  type SemOperation,
  SEMVMX,
  setValues,
} from "../ipc/sem.ts";
import { attached, DO_SHMAT, KSYS_SHMDT, KSYS_SHMGET, removeSegment, shmIds } from "../ipc/shm.ts";
import type { Kernel } from "../kernel.ts";
import { loadUser } from "../process/user_load.ts";
import { storeUser, storeUserBytes } from "../process/user_store.ts";
import { MemoryFault } from "../memory/fault.ts";
import { wallTime } from "../time/wall_clock.ts";
import { blockingSyscall, syscall } from "./define.ts";
import { EFAULT, EINVAL, ENOSYS, ERANGE } from "./errno.ts";

/** i386: the structures with 32-bit ids, which every C library asks for. */
const IPC_64 = 0x100;
const command = (cmd: number): number => cmd & ~IPC_64;
const word = (k: Kernel): 4 | 8 => k.image.pointerSize as 4 | 8;

type Words = readonly (readonly [size: number, value: number])[];

function storeWords(k: Kernel, at: number, words: Words): number {
  let place = at;
  for (const [size, value] of words) {
    if (!storeUser(k, place, size, value)) return fault(k);
    place += size;
  }
  return 0;
}

/** A virtual time as seconds since 1970; 0 for never. On 32 bits with a word above it. */
function time(k: Kernel, at: number): Words {
  const seconds = at === 0 ? 0 : wallTime(k).sec - Math.floor((k.clock.now - at) / 1e9);
  return word(k) === 8 ? [[8, seconds]] : [[4, seconds], [4, 0]];
}

/** What all kinds do alike: remove, set owner and mode, tell. */
function control<T extends { readonly perm: IpcPerm; ctime: number }>(
  k: Kernel,
  object: T,
  cmd: number,
  buf: number,
  remove: (object: T) => void,
  tell: (object: T) => Words,
): number {
  if (cmd === IPC_STAT) return storeWords(k, buf, [...permWords(k, object.perm), ...tell(object)]);
  const error = mayChange(k, object.perm);
  if (error !== 0) return recordedOr(k, error);
  if (cmd === IPC_RMID) {
    remove(object);
    return 0;
  }
  const [uid, gid, mode] = [4, 8, 20].map((offset) => loadUser(k, buf + offset, 4, false));
  if (Number.isNaN((uid ?? 0) + (gid ?? 0) + (mode ?? 0))) return fault(k);
  object.perm.uid = uid ?? 0;
  object.perm.gid = gid ?? 0;
  object.perm.mode = object.perm.mode & ~0o777 | (mode ?? 0) & 0o777;
  object.ctime = k.clock.now;
  return 0;
}

/** In a replay, objects that were made before it are not known: what was recorded is returned. */
function known(k: Kernel, result: number): number {
  return result === -EINVAL ? recordedOr(k, result) : result;
}

function shmctl(k: Kernel, id: number, cmd: number, buf: number): number {
  if (![IPC_RMID, IPC_SET, IPC_STAT].includes(cmd)) {
    return recordedOr(k, cmd === 11 || cmd === 12 ? 0 : -EINVAL);
  }
  const segment = cmd === IPC_STAT ? usable(k, shmIds(k), id, 0o444) : shmIds(k).get(id) ?? -EINVAL;
  if (typeof segment === "number") return known(k, segment);
  return control(k, segment, cmd, buf, (object) => removeSegment(k, object), (object) => [
    [word(k), object.size],
    ...time(k, object.atime),
    ...time(k, object.dtime),
    ...time(k, object.ctime),
    [4, object.cpid],
    [4, object.lpid],
    [word(k), attached(k, object)],
  ]);
}

function msgctl(k: Kernel, id: number, cmd: number, buf: number): number {
  if (![IPC_RMID, IPC_SET, IPC_STAT].includes(cmd)) return recordedOr(k, -EINVAL);
  const queue = cmd === IPC_STAT ? usable(k, msgIds(k), id, 0o444) : msgIds(k).get(id) ?? -EINVAL;
  if (typeof queue === "number") return known(k, queue);
  return control(k, queue, cmd, buf, (object) => removeQueue(k, object), (object) => [
    ...time(k, object.stime),
    ...time(k, object.rtime),
    ...time(k, object.ctime),
    [word(k), object.bytes],
    [word(k), object.messages.length],
    [word(k), object.maxBytes],
    [4, object.lspid],
    [4, object.lrpid],
  ]);
}

const GETPID = 11;
const GETVAL = 12;
const GETALL = 13;
const GETNCNT = 14;
const GETZCNT = 15;
const SETVAL = 16;
const SETALL = 17;

function semctl(k: Kernel, id: number, num: number, cmd: number, arg: number): number {
  const changes = cmd === SETVAL || cmd === SETALL;
  if (![IPC_RMID, IPC_SET, IPC_STAT].includes(cmd) && (cmd < GETPID || cmd > SETALL)) {
    return recordedOr(k, -EINVAL);
  }
  const owns = cmd === IPC_RMID || cmd === IPC_SET;
  const set = owns ? semIds(k).get(id) ?? -EINVAL : usable(k, semIds(k), id, changes ? 0o222 : 0o444);
  if (typeof set === "number") return known(k, set);
  const one = [GETPID, GETVAL, GETNCNT, GETZCNT, SETVAL].includes(cmd);
  if (one && (num < 0 || num >= set.values.length)) return -EINVAL;
  switch (cmd) {
    case GETPID:
      return recordedOr(k, set.pids[num] ?? 0);
    case GETVAL:
      return recordedOr(k, set.values[num] ?? 0);
    case GETNCNT:
      return recordedOr(k, set.waiting[num]?.more ?? 0);
    case GETZCNT:
      return recordedOr(k, set.waiting[num]?.zero ?? 0);
    case SETVAL:
      if ((arg | 0) < 0 || (arg | 0) > SEMVMX) return -ERANGE;
      setValues(k, set, [[num, arg | 0]]);
      return 0;
    case GETALL:
      return storeWords(k, arg, set.values.map((value) => [2, value] as const));
    case SETALL: {
      const values = set.values.map((_, i) => [i, loadUser(k, arg + 2 * i, 2, false)] as const);
      if (values.some(([, value]) => Number.isNaN(value))) return fault(k);
      if (values.some(([, value]) => value > SEMVMX)) return -ERANGE;
      setValues(k, set, values);
      return 0;
    }
    default: {
      const gap: Words = word(k) === 8 ? [[8, 0]] : [];
      return control(k, set, cmd, arg, (object) => removeSet(k, object), (object) => [
        ...time(k, object.otime),
        ...gap,
        ...time(k, object.ctime),
        ...gap,
        [word(k), object.values.length],
      ]);
    }
  }
}

function* semtimedop(
  k: Kernel,
  id: number,
  sops: number,
  count: number,
  timeout: number,
  narrow: boolean,
): Blocking<number> {
  const ops: SemOperation[] = [];
  for (let i = 0; i < Math.min(count, 501); i++) {
    const at = sops + i * 6;
    const num = loadUser(k, at, 2, false);
    if (Number.isNaN(num)) return fault(k);
    ops.push({ num, op: loadUser(k, at + 2, 2, true), flags: loadUser(k, at + 4, 2, true) });
  }
  let until: number | undefined;
  if (timeout !== 0) {
    const part = narrow ? 4 : 8;
    const seconds = loadUser(k, timeout, part, true);
    const nanos = loadUser(k, timeout + part, narrow ? 4 : word(k), true);
    if (Number.isNaN(seconds + nanos)) return fault(k);
    if (seconds < 0 || nanos < 0 || nanos >= 1e9) return -EINVAL;
    until = k.clock.now + Math.min(seconds, 8e6) * 1e9 + nanos;
  }
  return known(k, yield* semop(k, id, ops, until));
}

function* msgsnd(k: Kernel, id: number, msgp: number, size: number, flags: number): Blocking<number> {
  const type = loadUser(k, msgp, word(k), true);
  if (Number.isNaN(type)) return fault(k);
  if (size < 0 || size > 8192) return -EINVAL;
  try {
    const text = k.memory.readBytes(msgp + word(k), size);
    return known(k, yield* send(k, id, { type, text }, flags));
  } catch (error) {
    if (!(error instanceof MemoryFault)) throw error;
    return fault(k);
  }
}

function* msgrcv(
  k: Kernel,
  id: number,
  msgp: number,
  size: number,
  type: number,
  flags: number,
): Blocking<number> {
  const { result, message } = yield* receive(k, id, size, type, flags);
  if (message === undefined) return known(k, result);
  const stored = storeUser(k, msgp, word(k), message.type) && storeUserBytes(k, msgp + word(k), message.text);
  return stored ? recordedOr(k, result) : fault(k);
}

syscall(
  "shmget",
  ["int", "ulong", "int"],
  [KSYS_SHMGET],
  (k, key, size, flags) => ids(k, KSYS_SHMGET, key, size, flags),
);
syscall(
  "shmat",
  ["int", "ulong", "int"],
  [DO_SHMAT],
  (k, id, at, flags) => known(k, k.call(DO_SHMAT, id, at, flags)),
);
syscall("shmdt", ["ulong"], [KSYS_SHMDT], (k, at) => k.call(KSYS_SHMDT, at));
for (const name of ["shmctl", "old_shmctl"]) {
  syscall(
    name,
    ["int", "int", "ulong"],
    [],
    (k, id = 0, cmd = 0, buf = 0) => shmctl(k, id, command(cmd), buf),
  );
}
syscall(
  "semget",
  ["int", "int", "int"],
  [KSYS_SEMGET],
  (k, key, count, flags) => ids(k, KSYS_SEMGET, key, count, flags),
);
for (const name of ["semctl", "old_semctl"]) {
  syscall(name, ["int", "int", "int", "ulong"], [], (k, id = 0, num = 0, cmd = 0, arg = 0) => {
    return semctl(k, id, num, command(cmd), arg);
  });
}
blockingSyscall("semop", ["int", "ulong", "uint"], [SEMOP], (k, id = 0, sops = 0, count = 0) => {
  return semtimedop(k, id, sops, count, 0, false);
});
for (const [suffix, narrow] of [["", false], ["_time32", true]] as const) {
  blockingSyscall(
    `semtimedop${suffix}`,
    ["int", "ulong", "uint", "ulong"],
    [SEMOP],
    (k, id = 0, sops = 0, count = 0, timeout = 0) => semtimedop(k, id, sops, count, timeout, narrow),
  );
}
syscall("msgget", ["int", "int"], [KSYS_MSGGET], (k, key, flags) => ids(k, KSYS_MSGGET, key, flags));
for (const name of ["msgctl", "old_msgctl"]) {
  syscall(
    name,
    ["int", "int", "ulong"],
    [],
    (k, id = 0, cmd = 0, buf = 0) => msgctl(k, id, command(cmd), buf),
  );
}
blockingSyscall(
  "msgsnd",
  ["int", "ulong", "long", "int"],
  [DO_MSGSND],
  (k, id = 0, msgp = 0, size = 0, flags = 0) => msgsnd(k, id, msgp, size, flags),
);
blockingSyscall(
  "msgrcv",
  ["int", "ulong", "long", "long", "int"],
  [DO_MSGRCV],
  (k, id = 0, msgp = 0, size = 0, type = 0, flags = 0) => msgrcv(k, id, msgp, size, type, flags),
);

/** i386's call for all of them. */
blockingSyscall(
  "ipc",
  ["uint", "int", "ulong", "ulong", "ulong", "long"],
  [
    SEMOP,
    KSYS_SEMGET,
    DO_MSGSND,
    DO_MSGRCV,
    KSYS_MSGGET,
    DO_SHMAT,
    KSYS_SHMDT,
    KSYS_SHMGET,
  ],
  function* (k, call = 0, first = 0, second = 0, third = 0, ptr = 0, fifth = 0): Blocking<number> {
    switch (call & 0xffff) {
      case 1:
        return yield* semtimedop(k, first, ptr, second, 0, true);
      case 2:
        return ids(k, KSYS_SEMGET, first, second | 0, third | 0);
      case 3: {
        const arg = loadUser(k, ptr, 4, false);
        return ptr === 0
          ? -EINVAL
          : Number.isNaN(arg)
          ? fault(k)
          : semctl(k, first, second | 0, command(third), arg);
      }
      case 4:
        return yield* semtimedop(k, first, ptr, second, fifth >>> 0, true);
      case 11:
        return yield* msgsnd(k, first, ptr, second | 0, third | 0);
      case 12: {
        if (call >>> 16 !== 0) return yield* msgrcv(k, first, ptr, second | 0, fifth, third | 0);
        const [msgp, type] = [loadUser(k, ptr, 4, false), loadUser(k, ptr + 4, 4, true)];
        if (ptr === 0) return -EINVAL;
        return Number.isNaN(msgp + type)
          ? fault(k)
          : yield* msgrcv(k, first, msgp, second | 0, type, third | 0);
      }
      case 13:
        return ids(k, KSYS_MSGGET, first, second | 0);
      case 14:
        return msgctl(k, first, command(second), ptr);
      case 21: {
        const place = known(k, k.call(DO_SHMAT, first, ptr, second | 0));
        if (place < 0 && place > -4096) return place;
        return storeUser(k, third, 4, place) ? 0 : fault(k);
      }
      case 22:
        return k.call(KSYS_SHMDT, ptr);
      case 23:
        return ids(k, KSYS_SHMGET, first, second, third | 0);
      case 24:
        return shmctl(k, first, command(second), ptr);
      default:
        return recordedOr(k, -ENOSYS);
    }
  },
);

/** The id of an object that is looked up or made; in a replay it has the recorded one. */
function ids(k: Kernel, ref: FunctionRef, ...args: (number | undefined)[]): number {
  const outcome = recorded(k);
  if (outcome !== undefined && outcome.ret < 0) return outcome.ret;
  const id = k.call(ref, args[0], args[1], args[2]);
  if (outcome === undefined || id < 0 || id === outcome.ret) return outcome?.ret ?? id;
  const table = ref === KSYS_SHMGET ? shmIds(k) : ref === KSYS_SEMGET ? semIds(k) : msgIds(k);
  table.rename(id, outcome.ret);
  return outcome.ret;
}

function fault(k: Kernel): number {
  return recordedOr(k, -EFAULT);
}
