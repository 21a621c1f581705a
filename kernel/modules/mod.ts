/**
 * Kernel modules that are written here, loaded and unloaded.
 *
 * @module
 */

export {
  type AnyModule,
  kernelModule,
  type ModuleBody,
  type ModuleFunction,
  type ModuleParam,
  type ModuleParams,
  type ParamValues,
} from "./definition.ts";
export { type LoadedModule, type ModuleListener, ModuleTable } from "./module_table.ts";
