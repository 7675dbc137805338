import { readFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import type { LookupAddress } from 'node:dns';

/** https://man7.org/linux/man-pages/man5/hosts.5.html */
const HOSTS = '/etc/hosts';

/** What the machine itself says of a name: containers and tests name their neighbours there. */
export async function inHostsFile(name: string, file = HOSTS): Promise<LookupAddress[]> {
  const text = await readFile(file, 'utf8').catch(() => '');
  return parseHosts(text, name);
}

export function parseHosts(text: string, name: string): LookupAddress[] {
  const wanted = name.toLowerCase();
  return text.split('\n').flatMap((line) => {
    const [address = '', ...names] = line.replace(/#.*/, '').trim().split(/\s+/);
    const family = isIP(address);
    return family !== 0 && names.some((one) => one.toLowerCase() === wanted) ? [{ address, family }] : [];
  });
}
