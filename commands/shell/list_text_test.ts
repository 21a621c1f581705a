import { assertEquals } from "@std/assert";
import { columnsText, modeText } from "./list_text.ts";

Deno.test("names stand in columns as recorded", () => {
  const names = [
    ..."addrprobe arr defty enable fetches filter mya myprobe myret myret16".split(" "),
    ..."p_do_sys_openat2_0 r_do_sys_openat2_0 rargs symstr types vfs_write_ev".split(" "),
  ];
  assertEquals(
    columnsText(names),
    `addrprobe           mya                 rargs
arr                 myprobe             symstr
defty               myret               types
enable              myret16             vfs_write_ev
fetches             p_do_sys_openat2_0
filter              r_do_sys_openat2_0
`,
  );
  assertEquals(columnsText([]), "");
});

Deno.test("permissions", () => {
  assertEquals(modeText(0o640, false), "-rw-r-----");
  assertEquals(modeText(0o755, true), "drwxr-xr-x");
});
