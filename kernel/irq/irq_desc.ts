/**
 * Interrupt lines of devices and the way from the CPU's entry to a driver's handler: `kernel/irq/{chip,handle,manage}.c`.
 *
 * @module
 */

import type { Addr } from "../../image/model.ts";
import { behaviour, fn, type FunctionRef } from "../calls/function.ts";
import type { Kernel } from "../kernel.ts";
import { field, sizeOfStruct } from "../process/objects.ts";
import { countIrq } from "./irq_counts.ts";
import { tracepoint } from "../tracing/reference.ts";

const DESC = {
  irq: field("irq_desc", "irq_data.irq"),
  hwirq: field("irq_desc", "irq_data.hwirq"),
  action: field("irq_desc", "action"),
  handleIrq: field("irq_desc", "handle_irq"),
} as const;
const ACTION = {
  handler: field("irqaction", "handler"),
  devId: field("irqaction", "dev_id"),
  irq: field("irqaction", "irq"),
  name: field("irqaction", "name"),
} as const;
const HANDLER_ENTRY = tracepoint("irq:irq_handler_entry", "irq", "name");
const HANDLER_EXIT = tracepoint("irq:irq_handler_exit", "irq", "ret");
/** What a handler returns for an interrupt of its device. */
export const IRQ_HANDLED = 1;
/** Lines up to here are the legacy ones of a PC. */
const FIRST_IRQ = 24;
const FIRST_VECTOR = 0x21;

/** A device's request for a line. */
export interface IrqRequest {
  /** As in `/proc/interrupts`: `virtio0-req.0`. */
  readonly name: string;
  /** The driver's handler, called with (irq, dev_id) in interrupt context; returns `IRQ_HANDLED`, or 0. */
  readonly handler: FunctionRef;
  /** The driver's object. */
  readonly devId: Addr;
  /** How it is signalled: message-signalled interrupts are edges (the default), wired ones of arm64 `fasteoi`, a CPU's own `percpu`. */
  readonly flow?: "edge" | "fasteoi" | "percpu";
}

/** A line that a device has got. */
export interface IrqLine extends IrqRequest {
  /** Its number. */
  readonly irq: number;
  /** Address of its `struct irq_desc`. */
  readonly desc: Addr;
  /** Address of its `struct irqaction`. */
  readonly action: Addr;
}

/** The interrupt lines of one kernel. */
export class IrqTable {
  readonly #k: Kernel;
  readonly #byDesc = new Map<Addr, IrqLine>();
  readonly #byIrq = new Map<number, IrqLine>();
  #next = FIRST_IRQ;

  constructor(k: Kernel) {
    this.#k = k;
  }

  /** `request_irq`: gives a device the next line. Raise it with `k.interrupts.raise(line, …)`. */
  request(request: IrqRequest): IrqLine {
    const k = this.#k;
    const irq = this.#next++;
    const desc = k.slab.kmalloc(sizeOfStruct(k, "irq_desc"));
    const action = k.slab.kmalloc(sizeOfStruct(k, "irqaction"));
    const name = k.slab.kmalloc(request.name.length + 1);
    k.memory.writeString(name, request.name);
    const { handler } = request;
    ACTION.handler.set(k, action, k.calls.functionByName(handler.name)?.address ?? 0);
    ACTION.devId.set(k, action, request.devId);
    ACTION.irq.set(k, action, irq);
    ACTION.name.set(k, action, name);
    DESC.irq.set(k, desc, irq);
    DESC.hwirq.set(k, desc, irq);
    DESC.action.set(k, desc, action);
    const flow = k.calls.functionByName(flowOf(request).name)?.address ?? 0;
    DESC.handleIrq.set(k, desc, flow);
    const line: IrqLine = { ...request, irq, desc, action };
    this.#byDesc.set(desc, line);
    this.#byIrq.set(irq, line);
    return line;
  }

  /** The line of a descriptor. */
  byDesc(desc: Addr): IrqLine | undefined {
    return this.#byDesc.get(desc);
  }

  /** The line of a number; on x86 the vector is made of it. */
  byIrq(irq: number): IrqLine | undefined {
    return this.#byIrq.get(irq);
  }

  /** All lines, by number. */
  lines(): readonly IrqLine[] {
    return [...this.#byIrq.values()];
  }
}

/** x86's vector of a line. */
export function vectorOf(line: IrqLine): number {
  return FIRST_VECTOR + (line.irq - FIRST_IRQ);
}

/** Calls the handlers of a line. */
const HANDLE_IRQ_EVENT_PERCPU: FunctionRef = behaviour("__handle_irq_event_percpu", [], (k, desc = 0) => {
  const line = k.irqs.byDesc(desc);
  if (line === undefined) return 0;
  countIrq(k, String(line.irq));
  k.tracepoints.fire(HANDLER_ENTRY, line.irq, line.name);
  const ret = k.call(line.handler, line.irq, line.devId);
  k.tracepoints.fire(HANDLER_EXIT, line.irq, ret);
  return ret;
});

const HANDLE_IRQ_EVENT: FunctionRef = behaviour(
  "handle_irq_event",
  [HANDLE_IRQ_EVENT_PERCPU, fn("add_interrupt_randomness")],
  (k, desc = 0) => {
    const ret = k.call(HANDLE_IRQ_EVENT_PERCPU, desc);
    k.call(fn("add_interrupt_randomness"), DESC.irq.get(k, desc));
    return ret;
  },
);

const HANDLE_EDGE_IRQ: FunctionRef = behaviour("handle_edge_irq", [HANDLE_IRQ_EVENT], (k, desc = 0) => {
  k.call(HANDLE_IRQ_EVENT, desc);
  return Number.NaN;
});
const HANDLE_FASTEOI_IRQ: FunctionRef = behaviour("handle_fasteoi_irq", [HANDLE_IRQ_EVENT], (k, desc = 0) => {
  k.call(HANDLE_IRQ_EVENT, desc);
  return Number.NaN;
});

/** A CPU's own line: no locks, one handler. */
const HANDLE_PERCPU_DEVID_IRQ: FunctionRef = behaviour("handle_percpu_devid_irq", [], (k, desc = 0) => {
  const line = k.irqs.byDesc(desc);
  if (line === undefined) return Number.NaN;
  countIrq(k, String(line.irq));
  k.tracepoints.fire(HANDLER_ENTRY, line.irq, line.name);
  const ret = k.call(line.handler, line.irq, line.devId);
  k.tracepoints.fire(HANDLER_EXIT, line.irq, ret);
  return Number.NaN;
});

function flowOf(line: IrqRequest): FunctionRef {
  if (line.flow === "percpu") return HANDLE_PERCPU_DEVID_IRQ;
  return line.flow === "fasteoi" ? HANDLE_FASTEOI_IRQ : HANDLE_EDGE_IRQ;
}

/** i386: changes to the interrupt stack. */
const HANDLE_IRQ_32: FunctionRef = behaviour(
  "__handle_irq",
  [HANDLE_EDGE_IRQ, HANDLE_FASTEOI_IRQ],
  (k, desc = 0) => {
    const line = k.irqs.byDesc(desc);
    if (line !== undefined) k.call(flowOf(line), desc);
    return Number.NaN;
  },
);

/** x86: from a vector to its line. */
export const COMMON_INTERRUPT: FunctionRef = behaviour(
  "__common_interrupt",
  [HANDLE_IRQ_32, HANDLE_EDGE_IRQ, HANDLE_FASTEOI_IRQ],
  (k, _regs, vector = 0) => {
    const line = k.irqs.byIrq(vector - FIRST_VECTOR + FIRST_IRQ);
    if (line === undefined) return Number.NaN;
    k.call(k.archName === "i386" ? HANDLE_IRQ_32 : flowOf(line), line.desc);
    return Number.NaN;
  },
);

const HANDLE_IRQ_DESC: FunctionRef = behaviour(
  "handle_irq_desc",
  [HANDLE_EDGE_IRQ, HANDLE_FASTEOI_IRQ, HANDLE_PERCPU_DEVID_IRQ],
  (k, desc = 0) => {
    const line = k.irqs.byDesc(desc);
    if (line !== undefined) k.call(flowOf(line), desc);
    return 0;
  },
);

/** arm64: from the interrupt controller's number to its line. */
export const GENERIC_HANDLE_DOMAIN_IRQ: FunctionRef = behaviour(
  "generic_handle_domain_irq",
  [fn("__irq_resolve_mapping"), HANDLE_IRQ_DESC],
  (k, domain = 0, hwirq = 0) => {
    const line = k.irqs.byIrq(hwirq);
    k.call(fn("__irq_resolve_mapping"), domain, hwirq, Number.NaN);
    return line === undefined ? -22 : k.call(HANDLE_IRQ_DESC, line.desc);
  },
);
