/**
 * The file system types that can be mounted, by name.
 *
 * @module
 */

import { DEVTMPFS, type FileSystemType, TMPFS } from "./file_system.ts";

const types = new Map<string, FileSystemType>([TMPFS, DEVTMPFS].map((type) => [type.name, type]));

/** Makes a type known (`register_filesystem`); to be done while modules load. */
export function registerFileSystem(type: FileSystemType): void {
  types.set(type.name, type);
}

/** The type of that name; undefined if there is none. */
export function fileSystemNamed(name: string): FileSystemType | undefined {
  return types.get(name);
}

/** All types, in the order in which they became known. */
export function fileSystems(): readonly FileSystemType[] {
  return [...types.values()];
}
