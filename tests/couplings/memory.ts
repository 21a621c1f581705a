/**
 * Memory: what is allocated is freed once, page faults are in areas or end in a signal.
 *
 * @module
 */

import { mmAt } from "../../kernel/mm/mm_struct.ts";
import type { Field, Watch } from "./watch.ts";

/** What a pointer was last told to be; nothing is known of what was allocated before the run. */
type Life = "live" | "freed";

/** `kmalloc` and `kfree`, `kmem_cache_alloc` and `kmem_cache_free`: no object is given twice, none freed twice. */
export function objectsAreFreedOnce(watch: Watch): void {
  const objects = new Map<number, { life: Life; by: string }>();
  const given = (by: string) => (field: Field): void => {
    const ptr = field("ptr");
    const old = objects.get(ptr);
    watch.must(ptr !== 0 && old?.life !== "live", () => `${by} gives ${ptr}, which is in use`);
    watch.must(
      field("bytes_alloc") >= field("bytes_req"),
      () => `${by} gives ${field("bytes_alloc")} bytes for ${field("bytes_req")}`,
    );
    objects.set(ptr, { life: "live", by });
  };
  const freed = (by: string, of: string) => (field: Field): void => {
    const ptr = field("ptr");
    if (ptr === 0) return;
    const old = objects.get(ptr);
    watch.must(old?.life !== "freed", () => `${by} frees ${ptr} a second time`);
    watch.must(old?.life !== "live" || old.by === of, () => `${by} frees ${ptr}, which ${old?.by} gave`);
    objects.set(ptr, { life: "freed", by });
  };
  watch.on("kmem:kmalloc", given("kmalloc"));
  watch.on("kmem:kfree", freed("kfree", "kmalloc"));
  watch.on("kmem:kmem_cache_alloc", given("kmem_cache_alloc"));
  watch.on("kmem:kmem_cache_free", freed("kmem_cache_free", "kmem_cache_alloc"));
}

/** `mm_page_alloc` and `mm_page_free`: no page frame is given twice, none freed twice, each block as large as it was. */
export function framesAreFreedOnce(watch: Watch): void {
  const orders = new Map<number, number>();
  const freed = new Set<number>();
  watch.on("kmem:mm_page_alloc", (field) => {
    const [pfn, order] = [field("pfn"), field("order")];
    if (pfn < 0) return;
    for (let i = 0; i < 2 ** order; i++) {
      watch.must(!orders.has(pfn + i), () => `frame ${pfn + i} is given while in use`);
      freed.delete(pfn + i);
    }
    orders.set(pfn, order);
  });
  watch.on("kmem:mm_page_free", (field) => {
    const [pfn, order] = [field("pfn"), field("order")];
    const had = orders.get(pfn);
    watch.must(!freed.has(pfn), () => `frame ${pfn} is freed a second time`);
    watch.must(had === undefined || had === order, () => `frame ${pfn} of order ${had} is freed as ${order}`);
    orders.delete(pfn);
    freed.add(pfn);
  });
}

const SIGBUS = 7;
const SIGSEGV = 11;

/** A page fault of a program is in one of its areas, at or just below its stack, or the program gets a signal for it. */
export function faultsAreInAreas(watch: Watch): void {
  const { k } = watch;
  let outside: { readonly pid: number; readonly address: number } | null = null;
  const settle = (): void => {
    const fault = outside;
    outside = null;
    watch.must(fault === null, () => `a fault of ${fault?.pid} at ${fault?.address} is in no area`);
  };
  watch.on("exceptions:page_fault_user", (field) => {
    settle();
    const address = field("address");
    const area = mmAt(k, k.current.mm)?.find(address);
    if (area === undefined || area.start > address && area.start - address > 2 ** 20) {
      outside = { pid: k.current.pid, address };
    }
  });
  watch.on("signal:signal_generate", (field) => {
    const sig = field("sig");
    if (field("pid") === outside?.pid && (sig === SIGSEGV || sig === SIGBUS)) outside = null;
  });
  watch.atEnd(settle);
}
