import { createSocket } from 'node:dgram';
import { once } from 'node:events';

/** What a name server says of a name: its addresses (of version 4), that there is no such name, or nothing at all. */
export type Zone = (name: string, family: 4 | 6) => readonly string[] | 'no such name' | 'mute';

export interface NameServer {
  /** As Resolver.setServers takes it. */
  readonly address: string;
  /** Questions so far. */
  readonly asked: () => number;
  close(): void;
}

/** A name server on loopback. https://www.rfc-editor.org/rfc/rfc1035#section-4 */
export async function startNameServer(
  zone: Zone,
  { host = '127.0.0.1', port = 0 } = {},
): Promise<NameServer> {
  let asked = 0;
  const socket = createSocket('udp4', (query, from) => {
    asked += 1;
    const labels: string[] = [];
    let at = 12;
    for (let length = query[at] ?? 0; length > 0; length = query[at] ?? 0) {
      labels.push(query.toString('latin1', at + 1, at + 1 + length));
      at += 1 + length;
    }
    const isA = query.readUInt16BE(at + 1) === 1;
    const said = zone(labels.join('.').toLowerCase(), isA ? 4 : 6);
    if (said === 'mute') return;
    const records = said === 'no such name' ? [] : said.map(record);
    const header = Buffer.alloc(12);
    query.copy(header, 0, 0, 2);
    header.writeUInt16BE(said === 'no such name' ? 0x8183 : 0x8180, 2);
    header.writeUInt16BE(1, 4);
    header.writeUInt16BE(records.length, 6);
    socket.send(Buffer.concat([header, query.subarray(12, at + 5), ...records]), from.port, from.address);
  });
  socket.bind(port, host);
  await once(socket, 'listening');
  return {
    address: `${host}:${socket.address().port}`,
    asked: () => asked,
    close: () => void socket.close(),
  };
}

/** An answer's record for the question's own name, good for no time at all. */
function record(address: string): Buffer {
  const data = Buffer.from(address.split('.').map(Number));
  const head = Buffer.from([0xc0, 0x0c, 0, 1, 0, 1, 0, 0, 0, 0, 0, data.length]);
  return Buffer.concat([head, data]);
}
