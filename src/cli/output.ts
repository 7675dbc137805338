import type { ProgressStream } from './progress/progressDisplay.ts';
import { printable, printableJson } from './terminalText.ts';

/** What a command prints. Every line goes through here, so that no service can send the terminal a command. */
export class Output {
  readonly #results: NodeJS.WritableStream;
  /** Standard error, for bars. */
  readonly progress: ProgressStream;

  constructor(results: NodeJS.WritableStream, messages: ProgressStream) {
    this.#results = results;
    this.progress = messages;
  }

  /** A line of what was asked for. */
  line(text: string): void {
    this.#results.write(`${printable(text)}\n`);
  }

  /** Text of the program's own. */
  text(text: string): void {
    this.#results.write(text);
  }

  json(value: unknown): void {
    this.#results.write(`${printableJson(value, 2)}\n`);
  }

  /** In one line, for who reads a stream of them. */
  jsonLine(value: unknown): void {
    this.#results.write(`${printableJson(value)}\n`);
  }

  /** A line for people, beside what was asked for. */
  message(text: string): void {
    this.progress.write(`image-cache: ${printable(text)}\n`);
  }
}
