/**
 * What is put off and then done: interrupts, softirqs, timers, work, signals.
 *
 * @module
 */

import type { Watch } from "./watch.ts";

/** Interrupt handlers nest on their CPU; a softirq runs where it was raised, and not unless it was. */
export function interruptsNest(watch: Watch): void {
  const { k } = watch;
  const handlers = new Map<number, number[]>();
  const vectors = new Map<number, number>();
  const raised = new Set<string>();
  watch.on("irq:irq_handler_entry", (field) => {
    const open = handlers.get(k.cpu);
    if (open === undefined) handlers.set(k.cpu, [field("irq")]);
    else open.push(field("irq"));
  });
  watch.on("irq:irq_handler_exit", (field) => {
    const open = handlers.get(k.cpu)?.pop();
    watch.must(open === field("irq"), () => `leaves interrupt ${field("irq")} inside ${open}`);
  });
  watch.on("irq:softirq_raise", (field) => raised.add(`${k.cpu}:${field("vec")}`));
  watch.on("irq:softirq_entry", (field) => {
    const vec = field("vec");
    watch.must(raised.delete(`${k.cpu}:${vec}`), () => `runs softirq ${vec}, which nobody raised`);
    watch.must(!vectors.has(k.cpu), () => `runs softirq ${vec} inside ${vectors.get(k.cpu)}`);
    vectors.set(k.cpu, vec);
  });
  watch.on("irq:softirq_exit", (field) => {
    watch.must(vectors.get(k.cpu) === field("vec"), () => `leaves softirq ${field("vec")}`);
    vectors.delete(k.cpu);
  });
}

/** A timer expires when it was started and not cancelled since, not before its time, once. */
export function timersWereStarted(watch: Watch): void {
  const { k } = watch;
  for (
    const [kind, key] of [["hrtimer", "hrtimer"], ["timer", "timer"]] as const
  ) {
    const armed = new Map<number, number>();
    const known = new Set<number>();
    const running = new Set<number>();
    /** By CPU: the timer that was taken out last, which is told as if it had been cancelled. */
    const taken = new Map<number, number>();
    watch.on(`timer:${kind}_start`, (field) => {
      // A timer with slack is due from the earlier of its times on.
      armed.set(field(key), field(kind === "hrtimer" ? "softexpires" : "expires"));
      known.add(field(key));
    });
    watch.on(`timer:${kind}_cancel`, (field) => {
      armed.delete(field(key));
      taken.set(k.cpu, field(key));
    });
    watch.on(`timer:${kind}_expire_entry`, (field) => {
      const timer = field(key);
      const due = armed.get(timer);
      // One that was started before the run is not known.
      const found = due !== undefined || taken.get(k.cpu) === timer || !known.has(timer);
      watch.must(found, () => `${kind} ${timer} expires unarmed`);
      watch.must(
        due === undefined || field("now") >= due,
        () => `${kind} due at ${due} expires at ${field("now")}`,
      );
      armed.delete(timer);
      taken.delete(k.cpu);
      running.add(timer);
    });
    watch.on(`timer:${kind}_expire_exit`, (field) => {
      watch.must(running.delete(field(key)), () => `${kind} ${field(key)} is done without having expired`);
    });
  }
}

/** Work is queued, activated and executed, in this order. */
export function workIsQueued(watch: Watch): void {
  const queued = new Set<number>();
  const active = new Set<number>();
  const running = new Set<number>();
  watch.on("workqueue:workqueue_queue_work", (field) => {
    watch.must(!queued.has(field("work")), () => `queues work ${field("work")} twice`);
    queued.add(field("work"));
  });
  watch.on("workqueue:workqueue_activate_work", (field) => {
    watch.must(queued.has(field("work")), () => `activates work ${field("work")}, which is not queued`);
    active.add(field("work"));
  });
  watch.on("workqueue:workqueue_execute_start", (field) => {
    const work = field("work");
    watch.must(queued.delete(work) && active.delete(work), () => `executes work ${work} out of turn`);
    running.add(work);
  });
  watch.on("workqueue:workqueue_execute_end", (field) => {
    watch.must(running.delete(field("work")), () => `is done with work ${field("work")} that wasn't begun`);
  });
}

/** A signal is delivered after it was sent, to the task or to its process, and once for each time that it was. */
export function signalsWereSent(watch: Watch): void {
  const { k } = watch;
  const sent = new Map<string, number>();
  const take = (key: string): boolean => {
    const count = sent.get(key) ?? 0;
    if (count > 0) sent.set(key, count - 1);
    return count > 0;
  };
  watch.on("signal:signal_generate", (field) => {
    const target = field("pid");
    const process = [...k.tasks.all()].find(({ pid }) => pid === target)?.tgid ?? target;
    const key = field("group") !== 0 ? `p${process}:${field("sig")}` : `t${target}:${field("sig")}`;
    sent.set(key, (sent.get(key) ?? 0) + 1);
  });
  watch.on("signal:signal_deliver", (field) => {
    const sig = field("sig");
    const { pid, tgid } = k.current;
    watch.must(
      take(`t${pid}:${sig}`) || take(`p${tgid}:${sig}`),
      () => `gets signal ${sig}, which nobody sent`,
    );
  });
}
