/** Text from a caller or a registry that goes into a message: short, and no control characters. */
export function printable(text: string, length = 120): string {
  return text.slice(0, length).replace(/[^\x20-\x7e]/g, '?');
}
