import assert from 'node:assert/strict';
import type { ServerResponse } from 'node:http';
import { describe, it } from 'node:test';
import { ImageCacheService, ServiceError } from '../../../src/cli/service/imageCacheService.ts';
import { serve } from '../../registry/support/server.ts';

const JSON_TYPE = { 'content-type': 'application/json' };

describe('where an image cache is expected, another server', () => {
  for (const [what, respond] of Object.entries<(response: ServerResponse) => void>({
    'is something else': (response) => response.writeHead(200, { 'content-type': 'text/html' }).end('<html>'),
    'cuts its JSON short': (response) => response.writeHead(200, JSON_TYPE).end('{"images": ['),
    'breaks off': (response) => {
      response.writeHead(200, { ...JSON_TYPE, 'content-length': 100 });
      response.write('{"images":', () => response.destroy());
    },
    'answers JSON that is no object': (response) => response.writeHead(200, JSON_TYPE).end('null'),
    'answers JSON of something else': (response) => response.writeHead(200, JSON_TYPE).end('{"items": []}'),
    'has other images': (response) => response.writeHead(200, JSON_TYPE).end('{"images": [{"id": 1}]}'),
  })) {
    it(`${what}: said in one sentence`, async (t) => {
      const other = await serve((_, response) => respond(response));
      t.after(() => other.close());
      await assert.rejects(
        new ImageCacheService({ url: other.origin }).list(undefined, undefined),
        (error) => {
          assert.ok(error instanceof ServiceError, String(error));
          assert.equal(error.code, 'service_unavailable');
          assert.match(
            error.message,
            /^(http:\S+ is not an image cache( of this version)?: .*|No service answers at .*)\.$/,
          );
          return true;
        },
      );
    });
  }
});
