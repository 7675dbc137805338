import { once } from 'node:events';
import net, { type AddressInfo } from 'node:net';

export interface Forwarder {
  readonly url: string;
  /** As where the service's front goes away: connections break, and none is taken. */
  goAway(): Promise<void>;
  comeBack(): Promise<void>;
}

/** A port that leads to the service, and can be closed and opened again while the service works on. */
export async function startForwarder(serviceUrl: string): Promise<Forwarder> {
  const { hostname: host, port: servicePort } = new URL(serviceUrl);
  const sockets = new Set<net.Socket>();
  const server = net.createServer((client) => {
    const service = net.connect(Number(servicePort), host);
    for (const socket of [client, service]) {
      sockets.add(socket);
      socket.on('error', () => undefined);
      socket.once('close', () => {
        sockets.delete(socket);
        client.destroy();
        service.destroy();
      });
    }
    client.pipe(service).pipe(client);
  });
  const listen = async (port: number): Promise<void> => {
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
  };
  await listen(0);
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    goAway: async () => {
      server.close();
      for (const socket of sockets) socket.destroy();
      await once(server, 'close');
    },
    comeBack: () => listen(port),
  };
}
