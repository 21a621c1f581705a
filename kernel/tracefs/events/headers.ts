/**
 * `events/header_page` and `events/header_event`: how the ring buffer lays out what it holds.
 *
 * @module
 */

const PAGE_SIZE = 4096;

/** Text of `header_page`. */
export function headerPageText(wordSize: 4 | 8): string {
  const data = 8 + wordSize;
  return "\tfield: u64 timestamp;\toffset:0;\tsize:8;\tsigned:0;\n" +
    `\tfield: local_t commit;\toffset:8;\tsize:${wordSize};\tsigned:1;\n` +
    "\tfield: int overwrite;\toffset:8;\tsize:1;\tsigned:1;\n" +
    `\tfield: char data;\toffset:${data};\tsize:${PAGE_SIZE - data};\tsigned:1;\n`;
}

/** Text of `header_event`. */
export function headerEventText(): string {
  return "# compressed entry header\n" +
    "\ttype_len    :    5 bits\n" +
    "\ttime_delta  :   27 bits\n" +
    "\tarray       :   32 bits\n" +
    "\n" +
    "\tpadding     : type == 29\n" +
    "\ttime_extend : type == 30\n" +
    "\ttime_stamp : type == 31\n" +
    "\tdata max type_len  == 28\n";
}
