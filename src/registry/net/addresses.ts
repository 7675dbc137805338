import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';

/**
 * What an IP address is to us:
 * `public` anyone may name; `private` is somebody's own network; `local` is this machine or its link;
 * `forbidden` is never a registry (cloud metadata, multicast, documentation, tunnels).
 */
export type AddressClass = 'public' | 'private' | 'local' | 'forbidden';

/** Where clouds hand out credentials and configuration to whoever can connect. */
const METADATA: ReadonlySet<string> = new Set([
  '169.254.169.254', // Azure, AWS, Google: instance metadata and its tokens
  '169.254.170.2', // AWS: container credentials
  '169.254.170.23', // AWS: pod identity
  '168.63.129.16', // Azure WireServer, in the middle of the public space
  '100.100.100.200', // Alibaba Cloud
  '192.0.0.192', // Oracle Cloud
  'fd00:ec2::254', // AWS over IPv6
  'fd00:ec2::23',
  'fd20:ce::254', // Google over IPv6
]);

/** The only part of IPv6 that is handed out. https://www.iana.org/assignments/ipv6-address-space */
const GLOBAL_UNICAST = ipaddr.IPv6.parseCIDR('2000::/3');

/** @param text an address as the system wrote it; anything else is `forbidden` */
export function classifyAddress(text: string): AddressClass {
  const bare = text.replace(/^\[|\]$/g, '').replace(/%.*$/, '');
  // Stricter than ipaddr.js, which takes 1.2.3 and 0177.1 as well: one spelling, one meaning.
  if (isIP(bare) === 0) return 'forbidden';
  const address = ipaddr.process(bare); // ::ffff:127.0.0.1 is 127.0.0.1
  if (METADATA.has(address.toString())) return 'forbidden';
  return address instanceof ipaddr.IPv6 ? classify6(address) : classify4(address);
}

function classify4(address: ipaddr.IPv4): AddressClass {
  switch (address.range()) {
    case 'unicast':
      return 'public';
    case 'private':
      return 'private';
    case 'loopback':
    case 'linkLocal':
    case 'carrierGradeNat': // 100.64/10: inside Azure and other clouds it is the platform's own
      return 'local';
    default:
      return 'forbidden';
  }
}

function classify6(address: ipaddr.IPv6): AddressClass {
  switch (address.range()) {
    case 'unicast':
      return address.match(GLOBAL_UNICAST) ? 'public' : 'forbidden';
    case 'uniqueLocal':
      return 'private';
    case 'loopback':
    case 'linkLocal':
      return 'local';
    case 'rfc6052': // NAT64: an IPv4 address in the last 32 bits, so that one decides
      return classifyAddress(ipaddr.fromByteArray(address.toByteArray().slice(12)).toString());
    default:
      return 'forbidden';
  }
}
