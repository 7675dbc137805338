/** A small app: an HTTP starter, an orchestration that fans out, a timer. */
import { app } from '@azure/functions';
import * as df from 'durable-functions';

app.setup({ enableHttpStream: true });

df.app.activity('square', { handler: (input: { n: number }) => input.n * input.n });
df.app.orchestration('sum', function* (context) {
  const numbers = context.df.getInput<number[]>();
  const squares = (yield context.df.Task.all(
    numbers.map((n) => context.df.callActivity('square', { n })),
  )) as number[];
  return squares.reduce((a, b) => a + b, 0);
});

app.http('start', {
  route: 'sums/{id}',
  methods: ['POST'],
  authLevel: 'function',
  extraInputs: [df.input.durableClient()],
  handler: async (request, context) => {
    const client = df.getClient(context);
    const id = await client.startNew('sum', {
      instanceId: request.params.id ?? '',
      input: await request.json(),
    });
    return client.waitForCompletionOrCreateCheckStatusResponse(request, id, {
      timeoutInMilliseconds: 20_000,
      retryIntervalInMilliseconds: 20,
    });
  },
});
app.http('fail', { handler: () => Promise.reject(new Error('failed')) });
app.timer('tick', { schedule: '0 0 0 1 1 *', handler: () => undefined });
