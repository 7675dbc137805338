import { lookup as systemLookup, type LookupAddress } from 'node:dns';
import { Resolver } from 'node:dns/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { inHostsFile } from './hostsFile.ts';

/** One question to a name server, and how often it is asked. */
const QUERY = { timeout: 2_000, tries: 2 };
/** A name as a whole, within the connection's own deadline. */
const NAME_MS = 8_000;
/** Addresses of one family are here: how long those of the other may take. */
const OTHER_FAMILY_MS = 500;
/** Names that are being looked up at the same time: each costs a socket. */
const MAX_NAMES = 500;

const underWay = new Map<string, Promise<LookupAddress[]>>();

/**
 * All addresses of a name: what the machine's hosts file says, else what its name servers say. Not by getaddrinfo: that
 * takes one of the process's four threads until the name servers have answered or been given up, and storage, files and
 * zlib need the same threads. Names without a dot, which it finds by search domains, are the exception, one at a time.
 * @param servers in place of the machine's name servers, as Resolver.setServers takes them
 * @throws {Error} with the code ENOTFOUND, ENODATA (it has no address) or EAI_AGAIN (nobody could tell)
 */
export function resolveName(name: string, servers?: readonly string[]): Promise<LookupAddress[]> {
  const known = underWay.get(name);
  if (known !== undefined) return known;
  if (underWay.size >= MAX_NAMES) return Promise.reject(failure('EAI_AGAIN', name));
  const resolving = resolve(name, servers).finally(() => underWay.delete(name));
  underWay.set(name, resolving);
  return resolving;
}

async function resolve(name: string, servers: readonly string[] | undefined): Promise<LookupAddress[]> {
  const own = await inHostsFile(name);
  if (own.length > 0) return own;
  try {
    return await askServers(name, servers);
  } catch (error) {
    if (name.includes('.') || codeOf(error) === 'ENODATA') throw error;
    return await askSystem(name);
  }
}

/** Both families at once; one that has an answer does not wait long for the other. */
async function askServers(name: string, servers: readonly string[] | undefined): Promise<LookupAddress[]> {
  const resolver = new Resolver(QUERY);
  if (servers !== undefined) resolver.setServers(servers);
  const found: LookupAddress[] = [];
  const failures: unknown[] = [];
  const ask = async (family: 4 | 6): Promise<void> => {
    try {
      const addresses = await (family === 4 ? resolver.resolve4(name) : resolver.resolve6(name));
      found.push(...addresses.map((address) => ({ address, family })));
    } catch (error) {
      failures.push(error);
    }
  };
  const both = [ask(4), ask(6)];
  const all = Promise.all(both);
  // One family that has no address says nothing about the other.
  const first = Promise.race(both).then(() => (found.length > 0 ? undefined : all));
  const timers = new AbortController();
  const { signal } = timers;
  try {
    await Promise.race([first, sleep(NAME_MS, undefined, { signal })]);
    if (found.length > 0) await Promise.race([all, sleep(OTHER_FAMILY_MS, undefined, { signal })]);
  } finally {
    timers.abort();
    resolver.cancel();
  }
  // A copy: what still comes in does not change what was given out.
  if (found.length > 0) return [...found];
  const codes = failures.map(codeOf);
  if (codes.includes('ENOTFOUND')) throw failure('ENOTFOUND', name);
  throw failure(
    codes.length === 2 && codes.every((code) => code === 'ENODATA') ? 'ENODATA' : 'EAI_AGAIN',
    name,
  );
}

let system: Promise<unknown> = Promise.resolve();

function askSystem(name: string): Promise<LookupAddress[]> {
  const turn = system.then(
    () =>
      new Promise<LookupAddress[]>((pass, fail) => {
        systemLookup(name, { all: true }, (error, addresses) => {
          if (error === null) pass(addresses);
          else fail(error);
        });
      }),
  );
  system = turn.catch(() => undefined);
  return turn;
}

function failure(code: 'ENOTFOUND' | 'ENODATA' | 'EAI_AGAIN', name: string): Error {
  return Object.assign(new Error(`${code} ${name}`), { code });
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : '';
}
