import diagnostics from 'node:diagnostics_channel';
import type { Socket } from 'node:net';

/** Every address that this process tried to connect to since the start, as the sockets themselves report it. */
export interface ConnectionRecorder {
  readonly attempts: string[];
  stop(): void;
}

export function recordConnections(): ConnectionRecorder {
  const attempts: string[] = [];
  const listen = (message: unknown): void => {
    const { socket } = message as { socket: Socket };
    socket.on('connectionAttempt', (address: string, port: number) => {
      attempts.push(address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`);
    });
  };
  diagnostics.subscribe('net.client.socket', listen);
  return { attempts, stop: () => diagnostics.unsubscribe('net.client.socket', listen) };
}
