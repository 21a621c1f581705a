/**
 * debugfs' `kprobes/` folder.
 *
 * @module
 */

import type { Kernel } from "../kernel.ts";
import { listLine } from "../kprobes/listing.ts";
import { EINVAL } from "../syscalls/errno.ts";
import type { Directory } from "./directory.ts";
import { releaseSymbol } from "../release/release.ts";
import { shownAddress } from "./kallsyms.ts";
import { parseBool } from "./numbers.ts";
import type { Sysctls } from "./sysctls.ts";

/** Hangs up `list`, `blacklist` and `enabled`. */
export function addKprobeFiles(directory: Directory, k: Kernel, sysctls: Sysctls): void {
  directory.add("list", {
    mode: 0o400,
    read: () =>
      k.kprobes.listing().map((listed) =>
        `${
          listLine(
            { ...listed, symbol: releaseSymbol(k.release, listed.symbol) },
            shownAddress(k.image, listed.address, sysctls.hidesAddresses),
          )
        }\n`
      ).join(""),
  });
  directory.add("blacklist", {
    mode: 0o400,
    read(): string {
      const text = (address: number) => `0x${shownAddress(k.image, address, sysctls.hidesAddresses)}`;
      return k.kprobes.blacklist().map(({ start, end, name }) => `${text(start)}-${text(end)}\t${name}\n`)
        .join(
          "",
        );
    },
  });
  directory.add("enabled", {
    mode: 0o600,
    read: () => k.kprobes.enabled ? "1\n" : "0\n",
    write(text): number {
      const enabled = parseBool(text);
      if (enabled === null) return -EINVAL;
      k.kprobes.enabled = enabled;
      return text.length;
    },
  });
}
