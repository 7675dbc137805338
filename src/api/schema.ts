import * as z from 'zod/mini';

/** What a schema lets through, as code that only reads it sees it. */
export type Parsed<Schema extends z.core.$ZodType> = ReadonlyDeep<z.output<Schema>>;

type ReadonlyDeep<T> = T extends readonly (infer Item)[]
  ? readonly ReadonlyDeep<Item>[]
  : T extends object
    ? { readonly [Key in keyof T]: ReadonlyDeep<T[Key]> }
    : T;

/** The schemas that have a name in the OpenAPI document: `#/components/schemas/<id>`. */
export const COMPONENTS = z.registry<{ id: string; description: string }>();

export const text = (description: string) => z.string().check(z.describe(description));

export const optionalText = (description: string) => z.exactOptional(text(description));

/** A whole number that is not negative. */
export const count = (description: string) => z.int().check(z.gte(0), z.describe(description));

export const time = (description: string) => z.iso.datetime().check(z.describe(description));

/** As src/image/digest.ts takes them. */
export const digest = (description: string) =>
  z.string().check(z.regex(/^(sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})$/), z.describe(description));
