import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { HeadMender } from './mendedHead.ts';

/** A connection for one request, whose answer's head is mended before a parser sees it. */
export class MendedSocket extends Duplex {
  readonly #socket: Socket;

  constructor(socket: Socket, headLimit: number) {
    super();
    this.#socket = socket;
    const mender = new HeadMender(headLimit);
    const give = (bytes: Buffer): void => {
      if (bytes.length > 0 && !this.push(bytes)) socket.pause();
    };
    socket.on('data', (chunk: Buffer) => give(mender.pass(chunk)));
    socket.on('end', () => {
      give(mender.end());
      this.push(null);
    });
    socket.on('error', (error) => this.destroy(error));
    socket.on('close', () => {
      // What came before the end is still to be read.
      if (!socket.readableEnded) this.destroy();
    });
  }

  override _read(): void {
    this.#socket.resume();
  }

  override _write(chunk: Buffer, encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#socket.write(chunk, encoding, done);
  }

  override _final(done: () => void): void {
    this.#socket.end(done);
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#socket.destroy();
    done(error);
  }
}
