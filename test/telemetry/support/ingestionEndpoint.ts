import { once } from 'node:events';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { gunzipSync } from 'node:zlib';
import type { Certificate } from '../../support/certificates.ts';

/** As Application Insights takes them; what is read of it here. */
export interface Envelope {
  readonly tags: Readonly<Record<string, string>>;
  readonly data: {
    readonly baseType: string;
    readonly baseData: {
      readonly id?: string;
      readonly name?: string;
      readonly metrics?: readonly { readonly name: string; readonly value: number }[];
    };
  };
}

export interface IngestionEndpoint {
  readonly origin: string;
  /** What was accepted. */
  readonly envelopes: Envelope[];
  /** The same, as it came. */
  readonly bodies: string[];
  /** The Authorization header and path of every request; undefined where it has none. */
  readonly asked: { readonly path: string; readonly authorization: string | undefined }[];
  close(): Promise<void>;
}

/**
 * An ingestion endpoint of Application Insights whose local authentication is off: it wants a token, over https.
 * @param accepts whether the token is one of somebody who may publish
 */
export async function startIngestionEndpoint(
  { certificate, key }: Certificate,
  accepts: (token: string) => boolean,
): Promise<IngestionEndpoint> {
  const envelopes: Envelope[] = [];
  const bodies: string[] = [];
  const asked: IngestionEndpoint['asked'] = [];
  const server = createServer({ cert: certificate, key }, (request, response) => {
    const { authorization } = request.headers;
    asked.push({ path: request.url ?? '', authorization });
    const answer = (status: number, body: object): void => {
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    };
    void buffer(request).then((body) => {
      const [, token] = /^Bearer (.+)$/.exec(authorization ?? '') ?? [];
      if (token === undefined || !accepts(token))
        return answer(401, {
          itemsReceived: 1,
          itemsAccepted: 0,
          errors: [{ index: 0, statusCode: 401, message: 'Authentication required' }],
        });
      const isZipped = request.headers['content-encoding'] === 'gzip';
      const text = (isZipped ? gunzipSync(body) : body).toString();
      const sent = JSON.parse(text) as Envelope[];
      bodies.push(text);
      envelopes.push(...sent);
      return answer(200, { itemsReceived: sent.length, itemsAccepted: sent.length, errors: [] });
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    origin: `https://127.0.0.1:${(server.address() as AddressInfo).port}`,
    envelopes,
    bodies,
    asked,
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
