/**
 * `/proc/stat`, `uptime`, `loadavg`, `cpuinfo`, `interrupts`, `softirqs`: processors in numbers.
 *
 * @module
 */

import { irqCounts, irqTotal, SOFTIRQ_NAMES } from "../../irq/irq_counts.ts";
import type { Kernel } from "../../kernel.ts";
import { TASK_UNINTERRUPTIBLE } from "../../process/task.ts";
import { FIXED_1 } from "../../sched/loadavg.ts";
import { BOOT_SECONDS } from "../../time/wall_clock.ts";

/** What a CPU has done up to now, in nanoseconds. */
function timesOf(
  k: Kernel,
  cpu: number,
): { readonly user: number; readonly system: number; readonly idle: number } {
  const { now } = k.clock;
  const rq = k.scheduler.rq(cpu);
  const idle = rq.idleTime + (rq.curr === rq.idle ? Math.max(0, now - rq.idleSince) : 0);
  return { user: rq.userTime, idle, system: Math.max(0, now - rq.userTime - idle) };
}

/** Text of `uptime`: seconds since boot, and those that CPUs were idle. */
export function uptimeText(k: Kernel): string {
  let idle = 0;
  for (let cpu = 0; cpu < k.cpus; cpu++) idle += timesOf(k, cpu).idle;
  const text = (ns: number): string => (Math.floor(ns / 1e7) / 100).toFixed(2);
  return `${text(k.clock.now)} ${text(idle)}\n`;
}

/** Text of `loadavg`: load averages, runnable tasks of all, the last pid. */
export function loadavgText(k: Kernel): string {
  const loads = k.load.averages.map((load) => {
    // `FIXED_1 / 200` rounds to hundredths.
    const rounded = load + Math.floor(FIXED_1 / 200);
    const hundredths = Math.floor(rounded % FIXED_1 * 100 / FIXED_1);
    return `${Math.floor(rounded / FIXED_1)}.${String(hundredths).padStart(2, "0")}`;
  });
  const tasks = [...k.tasks.each()];
  const last = tasks.reduce((max, task) => Math.max(max, task.pid), 0);
  return `${loads.join(" ")} ${Math.max(1, k.scheduler.nrRunning)}/${tasks.length} ${last}\n`;
}

/** Text of `stat`. */
export function statText(k: Kernel): string {
  const tick = (ns: number): number => Math.max(0, Math.floor(ns / 1e7));
  const line = (name: string, { user, system, idle }: ReturnType<typeof timesOf>): string =>
    `${name} ${tick(user)} 0 ${tick(system)} ${tick(idle)} 0 0 0 0 0 0`;
  const all = Array.from({ length: k.cpus }, (_, cpu) => timesOf(k, cpu));
  const sum = (what: "user" | "system" | "idle"): number => all.reduce((total, one) => total + one[what], 0);
  let switches = 0;
  for (let cpu = 0; cpu < k.cpus; cpu++) switches += k.scheduler.rq(cpu).nrSwitches;
  const tasks = [...k.tasks.each()];
  const lines = k.irqs.lines();
  const perLine: number[] = [];
  for (const { irq } of lines) perLine[irq] = irqTotal(k, String(irq));
  const numbered = Array.from(perLine, (count) => count ?? 0);
  const interrupts = numbered.reduce((total, count) => total + count, 0) +
    OWN.reduce((total, [kind]) => total + irqTotal(k, kind), 0);
  const softirqs = SOFTIRQ_NAMES.map((name) => irqTotal(k, name));
  const blocked = tasks.filter(({ state }) => (state & TASK_UNINTERRUPTIBLE) !== 0 && state < 0x400).length;
  return [
    line("cpu ", { user: sum("user"), system: sum("system"), idle: sum("idle") }),
    ...all.map((times, cpu) => line(`cpu${cpu}`, times)),
    ["intr", interrupts, ...numbered].join(" "),
    `ctxt ${switches}`,
    `btime ${BOOT_SECONDS}`,
    `processes ${tasks.reduce((max, task) => Math.max(max, task.pid), 0)}`,
    `procs_running ${Math.max(1, k.scheduler.nrRunning)}`,
    `procs_blocked ${blocked}`,
    ["softirq", softirqs.reduce((total, count) => total + count, 0), ...softirqs].join(" "),
  ].map((text) => `${text}\n`).join("");
}

/** Interrupts of the CPUs themselves: kind, and what it is for. */
const OWN: readonly (readonly [kind: string, what: string])[] = [
  ["LOC", "Local timer interrupts"],
  ["RES", "Rescheduling interrupts"],
  ["CAL", "Function call interrupts"],
];

function columns(k: Kernel): string {
  return Array.from({ length: k.cpus }, (_, cpu) => `CPU${cpu}`.padEnd(11)).join("");
}

/** Text of `interrupts`. */
export function interruptsText(k: Kernel): string {
  const row = (name: string, what: string): string =>
    `${name.padStart(3)}: ${
      irqCounts(k, name).map((count) => `${String(count).padStart(10)} `).join("")
    }${what}\n`;
  return `${" ".repeat(11)}${columns(k)}\n` +
    k.irqs.lines().map(({ irq, name }) => row(String(irq), ` PCI-MSI ${irq}-edge      ${name}`)).join("") +
    OWN.map(([kind, what]) => row(kind, `  ${what}`)).join("");
}

/** Text of `softirqs`. */
export function softirqsText(k: Kernel): string {
  return `                    ${columns(k)}\n` +
    SOFTIRQ_NAMES.map((name) =>
      `${name.padStart(12)}:${irqCounts(k, name).map((count) => ` ${String(count).padStart(10)}`).join("")}\n`
    ).join("");
}

/** Text of `cpuinfo`. */
export function cpuinfoText(k: Kernel): string {
  return Array.from({ length: k.cpus }, (_, cpu) => {
    const rows = k.image.arch === "arm64"
      ? [
        ["processor", String(cpu)],
        ["BogoMIPS", "125.00"],
        ["Features", "fp asimd"],
        ["CPU implementer", "0x41"],
      ]
      : [
        ["processor", String(cpu)],
        ["vendor_id", "GenuineIntel"],
        ["cpu family", "6"],
        ["model name", "modeled CPU"],
        ["siblings", String(k.cpus)],
        ["cpu cores", String(k.cpus)],
        ["flags", "fpu tsc msr cx8 apic"],
      ];
    return `${rows.map(([name = "", value]) => `${name.padEnd(16)}: ${value}\n`).join("")}\n`;
  }).join("");
}
