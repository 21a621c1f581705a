/**
 * What a kernel module of Linux finds in its headers, for modules written here: `register_kprobe` and its family,
 * `regs_get_kernel_argument` and the `PT_REGS_*` macros, module parameters and entry points. Everything else is on the `Kernel` that a module is given: `k.log.printk`, `k.kprobes`,
 * `k.memory`, `k.current`.
 *
 * @module
 */

export {
  kernelArgument,
  kernelStackNth,
  ptRegsFp,
  ptRegsIp,
  ptRegsParm,
  ptRegsParmSyscall,
  ptRegsRc,
  ptRegsRet,
  ptRegsSp,
  registerAt,
} from "./arch/accessors.ts";
export { callFromHandler } from "./kprobes/handler_call.ts";
export * from "./kprobes/mod.ts";
export {
  type AnyModule,
  kernelModule,
  type LoadedModule,
  type ModuleBody,
  type ModuleFunction,
  type ModuleParam,
  type ModuleParams,
  type ParamValues,
} from "./modules/mod.ts";
export { dumpStack } from "./printk/dump_stack.ts";
export type { ReleaseName } from "./release/release.ts";
