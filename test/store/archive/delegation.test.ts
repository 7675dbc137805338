import assert from 'node:assert/strict';
import { once } from 'node:events';
import https from 'node:https';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import tls from 'node:tls';
import { after, before, beforeEach, describe, it } from 'node:test';
import { BlobServiceClient } from '@azure/storage-blob';
import { readUrl } from '../../../src/store/archive/readUrl.ts';
import type { Storage } from '../../../src/store/storage.ts';
import { makeCertificate } from '../../support/certificates.ts';
import { removeDirectory, temporaryDirectory } from '../../support/process.ts';
import { requireTools } from '../../support/tools.ts';

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;
const NOW = new Date('2026-03-04T05:06:07Z');
/** The longest that LOOKUP_URL_MINUTES takes. */
const LONGEST_MINUTES = 7 * 24 * 60 - 10;

const plus = (date: Date, minutes: number): Date => new Date(date.getTime() + minutes * MINUTE);
const seconds = (date: Date): string => `${date.toISOString().slice(0, 19)}Z`;

describe('the user delegation key', { skip: requireTools('openssl') }, () => {
  let directory: string;
  let account: KeyAccount;
  let storage: Storage;

  before(async () => {
    directory = await temporaryDirectory('delegation');
    const certificate = await makeCertificate(directory, 'account');
    tls.setDefaultCACertificates([...tls.getCACertificates('default'), certificate.certificate]);
    account = await startKeyAccount(certificate);
  });
  after(async () => {
    await account.close();
    await removeDirectory(directory);
  });
  beforeEach(() => {
    Object.assign(account, { now: NOW, refusal: undefined, asked: [] });
    const service = new BlobServiceClient(`https://${account.host}/me`, {
      getToken: () => Promise.resolve({ token: 'a.b.c', expiresOnTimestamp: Date.now() + DAY }),
    });
    const container = (name: string) => service.getContainerClient(name);
    storage = { service, images: container('a'), index: container('b'), sharedKey: undefined };
  });
  const urlOf = async (minutes: number, now: Date) => {
    const { url, expires } = await readUrl(storage, 'x.tar', minutes, now);
    const parameters = new URL(url).searchParams;
    const at = (name: string): Date => new Date(parameters.get(name) ?? '');
    return { expires, urlEnd: at('se'), keyStart: at('skt'), keyEnd: at('ske') };
  };

  it('is asked for once by a crowd', async () => {
    await Promise.all(Array.from({ length: 50 }, () => urlOf(120, NOW)));
    assert.equal(account.asked.length, 1);
    await urlOf(120, NOW);
    assert.equal(account.asked.length, 1);
  });

  for (const minutes of [1, 120, LONGEST_MINUTES]) {
    it(`outlives every URL of ${minutes} minutes, and is one that Azure gives`, async () => {
      const days = minutes === LONGEST_MINUTES ? 0.1 : 1;
      for (let at = NOW; at.getTime() < NOW.getTime() + days * DAY; at = plus(at, 5.7)) {
        account.now = at;
        const { urlEnd, keyStart, keyEnd } = await urlOf(minutes, at);
        assert.equal(seconds(urlEnd), seconds(plus(at, minutes)));
        assert.ok(urlEnd <= keyEnd && keyStart < at, `${seconds(at)}: ${seconds(keyEnd)}`);
      }
      const [first, second] = account.asked;
      assert.ok(first !== undefined && second !== undefined, 'it is renewed');
      assert.ok(account.asked.length < days * (minutes === LONGEST_MINUTES ? 300 : 25), 'not too often');
    });
  }

  it('is asked for again where a URL is to live longer than it does', async () => {
    await urlOf(10, NOW);
    const { urlEnd, keyEnd } = await urlOf(3 * 24 * 60, NOW);
    assert.ok(urlEnd <= keyEnd);
    assert.equal(account.asked.length, 2);
  });

  it('that could not be had is not kept: all who wait hear of it, and the next one asks anew', async () => {
    account.refusal = { status: 403, code: 'AuthorizationPermissionMismatch' };
    const results = await Promise.allSettled([urlOf(120, NOW), urlOf(120, NOW)]);
    for (const result of results) {
      assert.equal(result.status, 'rejected');
      assert.match(
        String(result.reason),
        new RegExp(
          `account ${account.host} refused getting a user delegation key .* role Storage Blob Data Contributor on the account`,
        ),
      );
    }
    assert.equal(account.asked.length, 1);
    account.refusal = undefined;
    await urlOf(120, NOW);
    assert.equal(account.asked.length, 2);
  });

  for (const skewMinutes of [-3 * 60, -20, -2, 2, 20, 3 * 60]) {
    it(`is good at once, and its URLs as long as they should be, where our clock is ${skewMinutes} minutes ahead`, async () => {
      const ours = plus(NOW, skewMinutes);
      for (const minutes of [5, 120, LONGEST_MINUTES]) {
        const { expires, urlEnd, keyStart, keyEnd } = await urlOf(minutes, ours);
        assert.equal(seconds(urlEnd), seconds(plus(NOW, minutes)));
        assert.equal(seconds(expires), seconds(urlEnd));
        assert.ok(keyStart <= NOW && urlEnd <= keyEnd);
      }
      // As long as the clocks differ by as much, a key serves as it does elsewhere.
      const asked = account.asked.length;
      account.now = plus(NOW, 2);
      await urlOf(120, plus(ours, 2));
      assert.equal(account.asked.length, asked);
    });
  }

  it('is asked for once where the clocks differ by seconds', async () => {
    for (const skewSeconds of [-50, 50]) {
      delete storage.delegation;
      const ours = plus(NOW, skewSeconds / 60);
      const { urlEnd, keyStart } = await urlOf(120, ours);
      assert.equal(seconds(urlEnd), seconds(plus(ours, 120)));
      assert.ok(keyStart <= NOW);
    }
    assert.equal(account.asked.length, 2);
  });
});

interface KeyAccount {
  readonly host: string;
  /** Its clock. */
  now: Date;
  refusal: { readonly status: number; readonly code: string } | undefined;
  asked: { readonly start: Date; readonly expiry: Date }[];
  close(): Promise<void>;
}

/**
 * A storage account that gives user delegation keys as Azure does, by a clock of its own; Azurite looks at no time.
 * https://learn.microsoft.com/rest/api/storageservices/get-user-delegation-key#request-body
 */
async function startKeyAccount(certificate: {
  readonly certificate: string;
  readonly key: string;
}): Promise<KeyAccount> {
  const server = https.createServer({ cert: certificate.certificate, key: certificate.key });
  server.on('request', (request, response) => {
    void text(request).then((body) => {
      const element = (name: string): string => new RegExp(`<${name}>(.*?)</${name}>`).exec(body)?.[1] ?? '';
      const [start, expiry] = [new Date(element('Start')), new Date(element('Expiry'))];
      account.asked.push({ start, expiry });
      const now = account.now.getTime();
      const isGiven =
        expiry.getTime() > now &&
        expiry.getTime() <= now + 7 * DAY &&
        Math.abs(start.getTime() - now) <= 7 * DAY &&
        expiry.getTime() - start.getTime() <= 7 * DAY;
      const refusal = account.refusal ?? (isGiven ? undefined : { status: 400, code: 'InvalidXmlNodeValue' });
      response.setHeader('date', account.now.toUTCString()).setHeader('content-type', 'application/xml');
      if (refusal !== undefined) {
        response.writeHead(refusal.status, { 'x-ms-error-code': refusal.code });
        response.end(`<?xml version="1.0"?><Error><Code>${refusal.code}</Code></Error>`);
        return;
      }
      const members = {
        SignedOid: '23657296-5cd5-45b0-a809-d972a7f4dfe1',
        SignedTid: 'ab1f708d-50f6-404c-a006-d71b2ac7a606',
        SignedStart: element('Start'),
        SignedExpiry: element('Expiry'),
        SignedService: 'b',
        SignedVersion: '2025-01-05',
        Value: Buffer.from('a key').toString('base64'),
      };
      const xml = Object.entries(members).map(([name, value]) => `<${name}>${value}</${name}>`);
      response.end(`<?xml version="1.0"?><UserDelegationKey>${xml.join('')}</UserDelegationKey>`);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const account: KeyAccount = {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    now: NOW,
    refusal: undefined,
    asked: [],
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
  return account;
}
