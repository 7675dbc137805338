/** What functions do with a request's body, with streams. */
import { app } from '@azure/functions';
import type { HttpRequest, HttpResponseInit } from '@azure/functions';

app.setup({ enableHttpStream: true });

const SOME_BYTES = 100_000;

function http(route: string, read: (body: ReadableStream<Uint8Array>) => Promise<unknown> | undefined): void {
  const handler = async ({ body }: HttpRequest): Promise<HttpResponseInit> => {
    await read(body as unknown as ReadableStream<Uint8Array>);
    return { status: 400, body: route };
  };
  app.http(route, { methods: ['POST'], authLevel: 'anonymous', handler });
}

async function readAll(body: ReadableStream<Uint8Array>): Promise<void> {
  await body.pipeTo(new WritableStream());
}

/** Leaves the rest where it is. */
async function readSome(body: ReadableStream<Uint8Array>): Promise<void> {
  const reader = body.getReader();
  for (let bytes = 0; bytes < SOME_BYTES;) bytes += (await reader.read()).value?.length ?? Infinity;
  reader.releaseLock();
}

async function breakOff(body: ReadableStream<Uint8Array>): Promise<void> {
  let bytes = 0;
  for await (const chunk of body) if ((bytes += chunk.length) >= SOME_BYTES) return;
}

http('whole', readAll);
http('untouched', () => undefined);
http('some', readSome);
http('brokenOff', breakOff);
http('readOn', async (body) => {
  await readSome(body);
  void readAll(body);
});
