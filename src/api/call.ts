import type * as z from 'zod/mini';
import type { ErrorCode } from '../errors.ts';

/** One call of the HTTP interface, as the OpenAPI document describes it. */
export interface Call {
  readonly method: 'get' | 'head' | 'post' | 'delete';
  /** As in the document: `/v2/{name}/blobs/{digest}`, each parameter with a description in `pathParameters`. */
  readonly path: `/${string}`;
  /** The document's operationId. */
  readonly id: string;
  readonly tag: Tag;
  readonly summary: string;
  readonly description: string;
  /** Without a key or a token. */
  readonly isAnonymous?: boolean;
  readonly pathParameters?: Readonly<Record<string, string>>;
  /** What the handler reads the query by, but for the mirror's. */
  readonly query?: z.ZodMiniObject;
  readonly body?: Content & { readonly description: string };
  /** By status. Problems are not among them. */
  readonly answers: Readonly<Record<number, Answer>>;
  /** What may go wrong beside what may go wrong with every call (`openapi.ts`). */
  readonly problems?: readonly ErrorCode[];
  /** What a problem may look like; else it is a Problem and nothing more. */
  readonly problemSchemas?: readonly z.core.$ZodType[];
}

export interface Answer extends Partial<Content> {
  readonly description: string;
  /** Whether `format=env` gives it as lines, too. */
  readonly hasLines?: boolean;
  readonly headers?: readonly AnswerHeader[];
}

export interface Content {
  /** `application/json` unless said otherwise. */
  readonly mediaType?: string;
  /** Several where it is one of them; none where it is bytes. */
  readonly schemas: readonly z.core.$ZodType[];
  readonly example?: unknown;
}

export interface AnswerHeader {
  readonly name: string;
  readonly description: string;
  readonly schema: { readonly type: 'string' | 'integer'; readonly pattern?: string };
  /** Whether it is always there. */
  readonly isRequired: boolean;
}

export const TAGS = {
  images: 'Caching images, and what is cached.',
  nodes: 'What compute nodes ask.',
  operation: 'Running the service.',
  registry: 'A read-only registry of what is cached, where REGISTRY_MIRROR is true.',
} as const;
export type Tag = keyof typeof TAGS;
