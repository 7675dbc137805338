/** What whoever typed the command has to change: the message says what and how. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}
