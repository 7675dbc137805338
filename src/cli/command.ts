import type { ImageCache, ImageCacheService } from './service/imageCacheService.ts';
import type { OptionName, OptionValues } from './options.ts';
import type { Output } from './output.ts';

/** One command as it was typed. */
export interface Invocation {
  readonly names: readonly string[];
  readonly options: OptionValues;
  readonly env: NodeJS.ProcessEnv;
  /** Standard input. */
  readonly input: NodeJS.ReadableStream;
  readonly output: Output;
  /** Aborted where the user interrupts. */
  readonly signal: AbortSignal;
  /** Between two looks at an image, in milliseconds. */
  readonly pollMs: number;
  /** All commands, for who completes or lists them. */
  readonly commands: readonly Command[];
  /** Finds it, which may fail, so only where it is needed. */
  readonly service: (access?: ServiceAccess) => Promise<ImageCacheService>;
  /** The service, or with --storage its storage. */
  readonly cache: () => Promise<ImageCache>;
}

export interface ServiceAccess {
  /** In place of the invocation's own. */
  readonly signal?: AbortSignal;
  /** Say nothing, and use no service that nobody named. */
  readonly quiet?: boolean;
}

/** What usage, parsing, completion and documentation follow from. */
export interface Command {
  readonly name: string;
  /** As the usage writes it: `IMAGE…`. */
  readonly operands: string;
  readonly least: number;
  readonly most: number;
  readonly summary: string;
  readonly options: readonly OptionName[];
  /** What its operands can be completed with. */
  readonly completes: 'images' | readonly string[];
  /** @returns the exit code */
  readonly run: (invocation: Invocation) => Promise<number>;
}
