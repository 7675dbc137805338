import * as z from 'zod/mini';
import { CacheError, type ErrorCode, ERROR_CODES, statusOf } from '../errors.ts';
import { type Answer, type AnswerHeader, type Call, type Content, TAGS } from './call.ts';
import { CALLS } from './calls.ts';
import { DETAILS, LINES, TITLES } from './examples.ts';
import { COMPONENTS } from './schema.ts';
import { Problem } from './views.ts';

type Json = Readonly<Record<string, unknown>>;

/** An OpenAPI document, as far as this one goes. https://spec.openapis.org/oas/v3.1.0 */
export interface OpenApiDocument {
  readonly openapi: '3.1.0';
  readonly info: Json & { readonly title: string; readonly version: string };
  readonly servers: readonly Json[];
  readonly tags: readonly Json[];
  readonly security: readonly Json[];
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: Json & { readonly schemas: Readonly<Record<string, Json>> };
}

export interface Operation extends Json {
  readonly operationId: string;
  readonly parameters?: readonly Parameter[];
  readonly responses: Readonly<Record<string, ResponseObject>>;
}

export interface Parameter extends Json {
  readonly name: string;
  readonly in: 'query' | 'path';
  readonly required: boolean;
}

export interface ResponseObject extends Json {
  readonly description: string;
  readonly headers?: Readonly<Record<string, { readonly required: boolean; readonly schema: Json }>>;
  readonly content?: Readonly<Record<string, MediaType>>;
}

export interface MediaType extends Json {
  readonly schema?: Json;
}

/** What may go wrong with every call; and with those that change something. */
const ALWAYS: readonly ErrorCode[] = ['invalid_request', 'internal_error', 'storage_unavailable'];
const CHANGING: readonly ErrorCode[] = ['cross_site_request'];

const RETRY_AFTER: AnswerHeader = {
  name: 'Retry-After',
  description: 'Seconds until it is worth asking again, where it may go away by itself.',
  schema: { type: 'integer' },
  isRequired: false,
};

/** `NAME='value'`, a quote in a value being `'\''`. */
const Lines = z
  .string()
  .check(z.regex(/^([A-Z][A-Z0-9_]*='([^'\n]|'\\'')*'\n)+$/))
  .register(COMPONENTS, {
    id: 'Lines',
    description:
      "The members of a JSON answer as `NAME='value'` lines that a POSIX shell can source: `progress.stagedBytes` is PROGRESS_STAGED_BYTES.",
  });

/**
 * The HTTP interface's description. All that it says of requests and answers comes from the schemas that check the one
 * and type the other.
 * @param version of the app
 */
export function openApiDocument(version: string): OpenApiDocument {
  const paths: Record<string, Record<string, Operation>> = {};
  for (const call of CALLS) (paths[call.path] ??= {})[call.method] = operation(call);
  return {
    openapi: '3.1.0',
    info: {
      title: 'tes-image-cache',
      version,
      summary: 'Container images as docker-load archives in blob storage',
      description:
        'Image names travel in the query or the body, never in the path. Times are ISO 8601 in UTC, sizes bytes. Members that are not known are left out; members that this document does not know may be added, and are to be ignored. A parameter that a call does not know is refused.',
      license: { name: 'MIT', identifier: 'MIT' },
    },
    servers: [{ url: '/', description: 'The app that serves this document.' }],
    tags: Object.entries(TAGS).map(([name, description]) => ({ name, description })),
    security: [{ functionKey: [] }, { functionKey: [], entra: [] }],
    paths,
    components: {
      schemas: usedSchemas(paths),
      securitySchemes: {
        functionKey: {
          type: 'apiKey',
          in: 'header',
          name: 'x-functions-key',
          description: 'A function key of the app. The local host asks for none.',
        },
        entra: {
          type: 'http',
          scheme: 'bearer',
          bearerFormat: 'JWT',
          description:
            'An Entra token for the app, beside the key, where it is deployed with Entra in front.',
        },
      },
    },
  };
}

function operation(call: Call): Operation {
  const { id, tag, summary, description, body, isAnonymous = false } = call;
  const parameters = [...pathParameters(call), ...queryParameters(call)];
  return {
    operationId: id,
    tags: [tag],
    summary,
    description,
    ...(isAnonymous && { security: [] }),
    ...(parameters.length > 0 && { parameters }),
    ...(body !== undefined && {
      requestBody: { required: true, description: body.description, content: contentOf(body) },
    }),
    responses: {
      ...Object.fromEntries(
        Object.entries(call.answers).map(([status, answer]) => [status, response(answer)]),
      ),
      ...(!isAnonymous && { 401: { description: 'There is no key or token, or a wrong one.' } }),
      ...problems(call),
    },
  };
}

function pathParameters({ pathParameters = {} }: Call): Parameter[] {
  return Object.entries(pathParameters).map(([name, description]) => ({
    ...{ name, in: 'path', required: true, description, schema: { type: 'string' } },
  }));
}

function queryParameters({ query }: Call): Parameter[] {
  if (query === undefined) return [];
  const { properties = {}, required = [] } = jsonSchema(query) as {
    readonly properties?: Readonly<Record<string, Json>>;
    readonly required?: readonly string[];
  };
  return Object.entries(properties).map(([name, { description, ...schema }]) => ({
    ...{ name, in: 'query', required: required.includes(name), description, schema },
  }));
}

function response({
  description,
  headers = [],
  hasLines = false,
  schemas,
  ...content
}: Answer): ResponseObject {
  return {
    description,
    ...(headers.length > 0 && { headers: headersOf(headers) }),
    ...(schemas !== undefined && {
      content: {
        ...contentOf({ ...content, schemas }),
        ...(hasLines && { 'text/plain': { schema: refTo(Lines), example: LINES } }),
      },
    }),
  };
}

function contentOf({
  mediaType = 'application/json',
  schemas,
  example,
}: Content): Readonly<Record<string, MediaType>> {
  return {
    [mediaType]: {
      ...(schemas.length > 0 && { schema: oneOf(schemas) }),
      ...(example !== undefined && { example }),
    },
  };
}

/** Problems by status: which codes it can be, and what each looks like. */
function problems({
  method,
  answers,
  problemSchemas = [Problem],
  problems: own = [],
}: Call): Record<string, ResponseObject> {
  const changes = method === 'post' || method === 'delete';
  const possible = new Set([...own, ...ALWAYS, ...(changes ? CHANGING : [])]);
  const responses: Record<string, ResponseObject> = {};
  for (const status of new Set(ERROR_CODES.map(statusOf))) {
    const codes = ERROR_CODES.filter((code) => statusOf(code) === status && possible.has(code));
    if (codes.length === 0 || Object.hasOwn(answers, status)) continue;
    const schema = { allOf: [oneOf(problemSchemas), { properties: { code: { enum: codes } } }] };
    const examples = Object.fromEntries(codes.map((code) => [code, { value: exampleOf(code) }]));
    responses[status] = {
      description: `${TITLES[status] ?? ''}: ${codes.map((code) => `\`${code}\``).join(', ')}.`,
      headers: headersOf([RETRY_AFTER]),
      ...(method !== 'head' && {
        content: {
          'application/problem+json': { schema, examples },
          'text/plain': { schema: refTo(Lines) },
        },
      }),
    };
  }
  return responses;
}

function exampleOf(code: ErrorCode): Json {
  const failure = new CacheError(code, DETAILS[code]).toFailure();
  return { title: TITLES[statusOf(code)], status: statusOf(code), ...failure };
}

function headersOf(headers: readonly AnswerHeader[]): NonNullable<ResponseObject['headers']> {
  return Object.fromEntries(
    headers.map(({ name, description, schema, isRequired }) => [
      name,
      { description, schema, required: isRequired },
    ]),
  );
}

/** anyOf, since a caller that ignores members that it does not know may take one for the other. */
function oneOf(schemas: readonly z.core.$ZodType[]): Json {
  const [schema, ...others] = schemas.map(refTo);
  return schema === undefined || others.length > 0 ? { anyOf: [schema, ...others] } : schema;
}

/** Of a schema with a name, the reference to it; else the schema itself. */
function refTo(schema: z.core.$ZodType): Json {
  const id = COMPONENTS.get(schema)?.id;
  return id === undefined ? jsonSchema(schema) : { $ref: refOf(id) };
}

function refOf(id: string): string {
  return `#/components/schemas/${id}`;
}

interface Converted {
  readonly zodSchema: z.core.$ZodType;
  readonly jsonSchema: z.core.JSONSchema.BaseSchema;
}

const OPTIONS = {
  io: 'input',
  metadata: z.globalRegistry,
  override: ({ zodSchema, jsonSchema }: Converted) => {
    const description = COMPONENTS.get(zodSchema)?.description;
    if (description !== undefined) jsonSchema.description = description;
    // zod's own limits of a number and its pattern of a time say nothing that `type` and `format` do not.
    if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) delete jsonSchema.maximum;
    if (jsonSchema.format === 'date-time') delete jsonSchema.pattern;
  },
} as const;

/** A schema without a name. */
function jsonSchema(schema: z.core.$ZodType): Json {
  return bare(z.toJSONSchema(schema, OPTIONS));
}

/** Without what says where a schema by itself would lie, and of which dialect it is. */
function bare(schema: object): Json {
  return Object.fromEntries(Object.entries(schema).filter(([name]) => name !== '$schema' && name !== '$id'));
}

/** The schemas with a name that `paths` refers to, and those that these refer to. */
function usedSchemas(paths: unknown): Record<string, Json> {
  const all = z.toJSONSchema(COMPONENTS, { ...OPTIONS, uri: refOf }).schemas;
  const used: Record<string, Json> = {};
  const add = (referring: unknown): void => {
    for (const [, id = ''] of JSON.stringify(referring).matchAll(/"#\/components\/schemas\/(\w+)"/g)) {
      if (Object.hasOwn(used, id)) continue;
      used[id] = bare(all[id] ?? {});
      add(used[id]);
    }
  };
  add(paths);
  return Object.fromEntries(Object.entries(used).sort(([a], [b]) => (a < b ? -1 : 1)));
}
