const MiB = 1024 * 1024;
/**
 * A run may hold so many times what is free, its oldest block aside. So one run alone gets three quarters of all, two
 * get three sevenths each, and whoever comes next finds room: a dynamic threshold, as switches share their buffers
 * (Choudhury and Hahne, https://doi.org/10.1109/90.664262).
 */
const SHARE = 3;
/** The part of all memory that blocks which come slowly leave to the others, which give it back soon. */
const RESERVE = 1 / 4;
/** Bytes in a second below which a block comes slowly. */
export const SLOW_RATE = MiB;

/** A block under way. Bytes. */
export interface Claim {
  readonly owner: string;
  /** Blocks of one chain are finished in the order in which they were opened. */
  readonly chain: object;
  readonly size: number;
  readonly held: number;
  readonly slow: boolean;
}

/**
 * Whether a block may take so many bytes more, of what is left of `limit`. Never where, after that, there were no
 * order in which all blocks could be filled to their ends (the banker's rule); and always where it is the one that
 * needs least to be finished, so that somebody can go on at any time.
 * @param claims every block under way, in the order in which they were opened
 */
export function mayTake(claim: Claim, bytes: number, claims: readonly Claim[], limit: number): boolean {
  const free = limit - held(claims);
  if (bytes > free) return false;
  const { owner, chain, size, slow } = claim;
  const after = { owner, chain, size, slow, held: claim.held + bytes };
  const all = claims.map((one) => (one === claim ? after : one));
  if (!canAllFinish(all, free - bytes)) return false;
  if (claim === nextToFinish(claims)) return true;
  const room = slow ? free - RESERVE * limit : free;
  if (bytes > room) return false;
  const own = claims.filter((one) => one.owner === owner);
  return own[0] === claim || held(own) + bytes <= SHARE * room;
}

/** Whether there is an order in which every block can be filled, each giving back at its end what it holds. */
export function canAllFinish(claims: readonly Claim[], free: number): boolean {
  // Whatever comes first fits: by far the most frequent case.
  if (claims.every(({ size, held }) => size - held <= free)) return true;
  const chains = [...byChain(claims).values()];
  let available = free;
  for (let left = claims.length; left > 0;) {
    const before = left;
    for (const chain of chains) {
      for (let next = chain[0]; next !== undefined && next.size - next.held <= available; next = chain[0]) {
        available += next.held;
        chain.shift();
        left -= 1;
      }
    }
    if (left === before) return false;
  }
  return true;
}

function nextToFinish(claims: readonly Claim[]): Claim | undefined {
  let next: Claim | undefined;
  const seen = new Set<object>();
  for (const claim of claims) {
    if (seen.has(claim.chain)) continue;
    seen.add(claim.chain);
    if (next === undefined || claim.size - claim.held < next.size - next.held) next = claim;
  }
  return next;
}

function byChain(claims: readonly Claim[]): Map<object, Claim[]> {
  return Map.groupBy(claims, ({ chain }) => chain);
}

function held(claims: readonly Claim[]): number {
  return claims.reduce((total, claim) => total + claim.held, 0);
}
