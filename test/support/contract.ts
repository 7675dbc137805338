import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import formats from 'ajv-formats';
import { type MediaType, openApiDocument, type Operation } from '../../src/api/openapi.ts';

/** An answer of the running app, and what it answers. */
export interface CheckedAnswer {
  readonly method: string;
  /** With its query. */
  readonly path: string;
  readonly status: number;
  readonly headers: Headers;
  /** Undefined where it is bytes that nobody read. */
  readonly text: string | undefined;
}

type Json = Readonly<Record<string, unknown>>;

const DOCUMENT = strict(openApiDocument('0.0.0')) as ReturnType<typeof openApiDocument>;
const ajv = new Ajv2020({ strict: false, allErrors: true });
formats.default(ajv);
ajv.addSchema({ ...DOCUMENT, $id: 'openapi' });
const compiled = new Map<string, ValidateFunction>();

const ROUTES = Object.entries(DOCUMENT.paths).map(([template, operations]) => ({
  template,
  // A repository's name has slashes, which the document can only say in words.
  pattern: new RegExp(`^${template.replace('{name}', '.+').replace(/\{\w+\}/g, '[^/]+')}$`),
  operations,
}));

/** Headers that every answer has, whatever it is. */
const EVERYWHERE = ['x-content-type-options', 'content-security-policy', 'cache-control', 'referrer-policy'];

/** What the Functions host answers by itself. */
const HOSTS_OWN = /^\/(runtime|admin)\//;

/**
 * Holds an answer against the OpenAPI document: its status, headers, content type, and members. A member that the
 * document does not know is wrong here, though clients are told to ignore such.
 * @throws {Error} naming the call, and everything that is wrong
 */
export function checkAnswer(answer: CheckedAnswer): void {
  const found = faults(answer);
  if (found.length === 0) return;
  const { method, path, status, text = '' } = answer;
  throw new Error(
    [`${method} ${path}: ${status} is not as src/api/ describes it:`, ...found, text.slice(0, 2000)].join(
      '\n  ',
    ),
  );
}

/** As fetch, of a call of the app; the answer is held against the OpenAPI document. */
export async function fetchChecked(url: string, init: RequestInit = {}): Promise<Response> {
  const answer = await fetch(url, init);
  const { pathname, search } = new URL(url);
  const isText = /json|^text\//.test(answer.headers.get('content-type') ?? '');
  checkAnswer({
    method: init.method ?? 'GET',
    path: pathname + search,
    status: answer.status,
    headers: answer.headers,
    text: isText || answer.body === null ? await answer.clone().text() : undefined,
  });
  return answer;
}

function faults({ method, path, status, headers, text }: CheckedAnswer): string[] {
  const [pathname = ''] = path.split('?');
  if (HOSTS_OWN.test(pathname)) return [];
  const route = ROUTES.find(({ pattern }) => pattern.test(pathname));
  const operation: Operation | undefined = route?.operations[method.toLowerCase()];
  if (route === undefined || operation === undefined) return ['there is no such call'];
  const response = operation.responses[status];
  if (response === undefined) return ['the call has no such status'];
  // A key is asked for before the app hears of the call.
  if (status === 401) return [];
  return [
    ...EVERYWHERE.filter((name) => !headers.has(name)).map((name) => `there is no header ${name}`),
    ...Object.entries(response.headers ?? {}).flatMap(([name, { required, schema }]) =>
      headerFault(headers.get(name), name, required, schema),
    ),
    ...contentFaults(
      response.content ?? {},
      [route.template, method.toLowerCase(), String(status)],
      headers,
      text,
    ),
  ];
}

function headerFault(value: string | null, name: string, required: boolean, schema: Json): string[] {
  if (value === null) return required ? [`there is no header ${name}`] : [];
  const typed = schema.type === 'integer' ? Number(value) : value;
  return ajv.validate(schema, typed) ? [] : [`the header ${name} is "${value}": ${ajv.errorsText()}`];
}

function contentFaults(
  content: Readonly<Record<string, MediaType>>,
  [template = '', method = '', status = '']: readonly string[],
  headers: Headers,
  text: string | undefined,
): string[] {
  const type = headers.get('content-type')?.split(';')[0] ?? '';
  const kinds = Object.keys(content);
  if (kinds.length === 0) return text === undefined || text === '' ? [] : ['the answer has a body'];
  const kind = kinds.includes(type) ? type : kinds.find((name) => name === '*/*');
  if (kind === undefined) return [`its content type is "${type}", which is none of ${kinds.join(', ')}`];
  if (content[kind]?.schema === undefined) return [];
  const pointer = ['paths', template, method, 'responses', status, 'content', kind, 'schema'];
  const validate = validator(`openapi#/${pointer.map(escapePointer).join('/')}`);
  let value: unknown = text;
  try {
    if (type.endsWith('json')) value = JSON.parse(text ?? '');
  } catch {
    return ['it is not JSON'];
  }
  if (validate(value)) return [];
  return (validate.errors ?? []).map(
    ({ instancePath, message = '', params }) =>
      `${instancePath || 'it'} ${message} ${JSON.stringify(params)}`,
  );
}

function validator(reference: string): ValidateFunction {
  const known = compiled.get(reference) ?? ajv.compile({ $ref: reference });
  compiled.set(reference, known);
  return known;
}

/** A JSON pointer in a URI. https://www.rfc-editor.org/rfc/rfc6901#section-6 */
function escapePointer(name: string): string {
  return encodeURIComponent(name.replaceAll('~', '~0').replaceAll('/', '~1'));
}

/** A copy in which no object has members that its schema does not name. */
function strict(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(strict);
  if (typeof value !== 'object' || value === null) return value;
  const copy = Object.fromEntries(Object.entries(value).map(([name, member]) => [name, strict(member)]));
  return copy.type === 'object' && !('additionalProperties' in copy)
    ? { ...copy, additionalProperties: false }
    : copy;
}
