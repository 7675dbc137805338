/**
 * `npm start`: the whole service on one machine. Storage is Azurite unless IMAGE_STORAGE is set; the functions run
 * under `func` (Azure Functions Core Tools) where it is on PATH, else under functions-host, its stand-in.
 * PORT (7071) is where it listens, LOCAL_DATA (.local) where it keeps its data; every other setting is the app's own.
 */
import { once } from 'node:events';
import { readableLine } from './readableLog.ts';
import { startService } from './service.ts';

const port = Number(process.env.PORT ?? '7071');
if (!Number.isInteger(port) || port < 0 || port > 65535) {
  console.error(`PORT is "${process.env.PORT ?? ''}"; it must be a port number.`);
  process.exit(1);
}
try {
  const service = await startService({
    port,
    dataFolder: process.env.LOCAL_DATA ?? '.local',
    // A program that reads the log gets it as it is.
    ...(process.stderr.isTTY && { log: (line) => console.error(readableLine(line, new Date())) }),
  });
  console.log(`ready ${service.url}`);
  await Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM'), service.ended]);
  await service.close();
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
// Keep-alive sockets of clients must not hold the process.
process.exit();
