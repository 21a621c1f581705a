/**
 * Bytes as a JSON string: the one form of binary data that a static module graph loads without any permission.
 *
 * @module
 */

/** The text of a JSON file that holds the bytes. */
export function bytesToJson(bytes: Uint8Array): string {
  return `${JSON.stringify(bytes.toBase64())}\n`;
}

/** The bytes of such a file's value; throws a SyntaxError where it is no base64 text. */
export function bytesFromJson(value: string): Uint8Array {
  return Uint8Array.fromBase64(value);
}
