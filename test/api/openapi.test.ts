import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { STATUS_CODES } from 'node:http';
import { describe, it } from 'node:test';
import { Validator } from '@seriousme/openapi-schema-validator';
import { Ajv2020 } from 'ajv/dist/2020.js';
import formats from 'ajv-formats';
import { CALLS } from '../../src/api/calls.ts';
import { DETAILS, TITLES } from '../../src/api/examples.ts';
import { type OpenApiDocument, openApiDocument, type Operation } from '../../src/api/openapi.ts';
import { ERROR_CODES, statusOf } from '../../src/errors.ts';

const document = JSON.parse(JSON.stringify(openApiDocument('1.2.3'))) as OpenApiDocument;
const operations: readonly (readonly [name: string, operation: Operation])[] = Object.entries(
  document.paths,
).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, operation]) => [`${method} ${path}`, operation] as const),
);

describe('the OpenAPI document', () => {
  it("keeps to OpenAPI's own schema", async () => {
    const validator = new Validator();
    const { valid, errors } = await validator.validate(
      JSON.parse(JSON.stringify(document)) as Record<string, unknown>,
    );
    assert.ok(valid, JSON.stringify(errors, null, 2));
    assert.equal(validator.version, '3.1');
    assert.equal(document.info.version, '1.2.3');
  });

  it('is found wrong where it is', async () => {
    const broken = { ...document, paths: { '/x': { get: { responses: { 200: {} } } } } };
    assert.equal((await new Validator().validate(broken)).valid, false);
  });

  it('refers to what is there, and holds nothing that nobody refers to', () => {
    const text = JSON.stringify(document);
    const referred = [...text.matchAll(/"\$ref":"([^"]+)"/g)].map(([, reference = '']) => reference);
    const there = Object.keys(document.components.schemas).map((name) => `#/components/schemas/${name}`);
    assert.deepEqual([...new Set(referred)].sort(), there.sort());
    assert.doesNotMatch(text, /"\$id"|"\$schema"/);
  });

  it('names each call once, and says what everything is', () => {
    const ids = operations.map(([, { operationId }]) => operationId);
    assert.deepEqual(ids, [...new Set(ids)]);
    const tags = new Set(document.tags.map(({ name }) => name));
    for (const [name, { summary, description, tags: own, parameters = [], responses }] of operations) {
      assert.match(String(summary), /^[A-Z].*[^.]$/, name);
      assert.match(String(description), /\.$/, name);
      assert.ok(
        (own as string[]).every((tag) => tags.has(tag)),
        name,
      );
      for (const parameter of parameters) assert.ok(parameter.description, `${name} ${parameter.name}`);
      assert.ok(
        Object.keys(responses).some((status) => status.startsWith('2')),
        name,
      );
    }
    for (const [name, { description }] of Object.entries(document.components.schemas))
      assert.match(String(description), /\.$/, name);
  });

  it('has every parameter of a path, and no other', () => {
    for (const [path, methods] of Object.entries(document.paths)) {
      const inPath = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
      for (const { parameters = [] } of Object.values(methods))
        assert.deepEqual(
          parameters.filter((each) => each.in === 'path').map(({ name }) => name),
          inPath,
        );
    }
  });

  it('asks for a key, and behind Entra for a token beside it', () => {
    const schemes = Object.keys(document.components.securitySchemes as object);
    assert.deepEqual(document.security.map(Object.keys), [['functionKey'], ['functionKey', 'entra']]);
    assert.deepEqual(schemes, ['functionKey', 'entra']);
  });

  it('has every error somewhere, under its own status, with an example', () => {
    const seen = new Map<string, string>();
    for (const [, { responses }] of operations)
      for (const [status, { content = {} }] of Object.entries(responses))
        for (const code of Object.keys(content['application/problem+json']?.examples ?? {}))
          seen.set(code, status);
    for (const code of ERROR_CODES) assert.equal(seen.get(code), String(statusOf(code)), code);
    assert.deepEqual(Object.keys(DETAILS).sort(), [...ERROR_CODES].sort());
    for (const status of new Set(ERROR_CODES.map(statusOf)))
      assert.equal(TITLES[status], STATUS_CODES[status]);
  });

  it('gives examples that are right', () => {
    const ajv = new Ajv2020({ strict: false, allErrors: true });
    formats.default(ajv);
    ajv.addSchema({ ...document, $id: 'openapi' });
    let count = 0;
    const check = (value: unknown, pointer: string): void => {
      if (typeof value !== 'object' || value === null) return;
      const { schema, example, examples = {} } = value as Record<string, unknown>;
      const given = Object.values(examples as Record<string, { value?: unknown }>).map((each) => each.value);
      for (const one of schema === undefined ? [] : [...(example === undefined ? [] : [example]), ...given]) {
        const valid = ajv.validate({ $ref: `openapi#${pointer}/schema` }, one);
        assert.ok(valid, `${pointer}: ${ajv.errorsText()}`);
        count += 1;
      }
      for (const [name, member] of Object.entries(value))
        check(member, `${pointer}/${encodeURIComponent(name.replaceAll('~', '~0').replaceAll('/', '~1'))}`);
    };
    check(document.paths, '/paths');
    assert.ok(count > 40, `${count} examples`);
  });

  it('has every function of src/functions/http, by its route, methods and key, and no other call', () => {
    const registered = globSync('src/functions/http/**/*.ts').flatMap((file) =>
      [...readFileSync(file, 'utf8').matchAll(/app\.http\('[^]*?\n {0,2}\}\);/g)].flatMap(([text]) => {
        const route = /route: '([^']+)'/.exec(text)?.[1] ?? assert.fail(`${file}: ${text}`);
        const methods = /methods: \[([^\]]+)\]/.exec(text)?.[1] ?? assert.fail(text);
        const isOpen = text.includes("authLevel: 'anonymous'");
        return [...methods.matchAll(/'(\w+)'/g)].map(
          ([, method = '']) => `${method.toLowerCase()} /${route} ${isOpen}`,
        );
      }),
    );
    const described = CALLS.map(
      ({ method, path, isAnonymous = false }) =>
        `${method} ${path.startsWith('/v2/') ? '/v2/{*path}' : path} ${isAnonymous}`,
    );
    assert.deepEqual([...new Set(described)].sort(), registered.sort());
  });
});
