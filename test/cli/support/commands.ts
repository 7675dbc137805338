import type { ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { Writable } from 'node:stream';
import { main } from '../../../src/cli/commandLine.ts';
import { Output } from '../../../src/cli/output.ts';
import { type SeenRequest, serve, type TestServer } from '../../registry/support/server.ts';
import type { RunResult } from '../../support/process.ts';

/** A stream that is a terminal, or is none, and what was written to it. */
export function stream(terminal?: {
  readonly columns: number;
  readonly rows?: number;
}): Writable & { readonly said: () => string } {
  let said = '';
  const out = new Writable({
    write(chunk: Buffer, _encoding, done) {
      said += chunk.toString();
      done();
    },
  });
  return Object.assign(out, terminal && { isTTY: true, ...terminal }, { said: () => said });
}

export interface RunAt {
  readonly env?: Readonly<Record<string, string>>;
  /** Default: one without an azd environment. */
  readonly directory?: string;
  readonly signal?: AbortSignal;
  readonly input?: NodeJS.ReadableStream;
  readonly terminal?: { readonly columns: number; readonly rows?: number };
  /** Standard error as it grows. */
  readonly watched?: (said: string) => void;
}

/** Runs a command in this process. */
export async function imageCache(args: readonly string[], at: RunAt = {}): Promise<RunResult> {
  const stdout = stream();
  const stderr = stream(at.terminal);
  const write = stderr.write.bind(stderr) as (chunk: unknown) => boolean;
  stderr.write = (chunk: unknown) => {
    const written = write(chunk);
    at.watched?.(stderr.said());
    return written;
  };
  const code = await main(args, {
    env: { ...at.env },
    directory: at.directory ?? tmpdir(),
    output: new Output(stdout, stderr),
    signal: at.signal ?? new AbortController().signal,
    ...(at.input !== undefined && { input: at.input }),
    pollMs: 20,
  });
  return { code, stdout: stdout.said(), stderr: stderr.said() };
}

export type Answer = (request: SeenRequest, response: ServerResponse) => unknown;

/** A server in the service's place, whose answers a test gives. */
export async function startStandIn(): Promise<TestServer & { answer: Answer }> {
  const server = await serve((request, response) => standIn.answer(request, response));
  const unanswered: Answer = () => undefined;
  const standIn = Object.assign(server, { answer: unanswered });
  return standIn;
}

export function send(response: ServerResponse, status: number, body: unknown): void {
  const type = status < 400 ? 'application/json' : 'application/problem+json';
  response.writeHead(status, { 'content-type': type }).end(JSON.stringify(body));
}

/** An image as the service shows it. */
export function view(image: string, state: string, more: object = {}): object {
  return {
    state,
    requested: image,
    image: `docker.io/library/${image}`,
    platform: 'linux/amd64',
    ...more,
  };
}

export const READY = { runRef: 'x:sha256-1', size: 1536, lastUsed: '2026-01-01T00:00:00Z' };
