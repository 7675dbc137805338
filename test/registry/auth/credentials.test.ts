import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { SettingError } from '../../../src/errors.ts';
import { CredentialStore } from '../../../src/registry/auth/credentials.ts';

const encode = (text: string): string => Buffer.from(text).toString('base64');
const store = (auths: unknown): CredentialStore => new CredentialStore(JSON.stringify({ auths }));

describe('DOCKER_AUTH_CONFIG', () => {
  for (const [what, key, entry, expected] of [
    ['auth', 'ghcr.io', { auth: encode('u:p:q') }, { username: 'u', password: 'p:q' }],
    ['auth with padding', 'ghcr.io', { auth: encode('u:p\0\0') }, { username: 'u', password: 'p' }],
    ['username and password', 'ghcr.io', { username: 'u', password: 'p' }, { username: 'u', password: 'p' }],
    ['an identity token', 'ghcr.io', { auth: encode('u:'), identitytoken: 't' }, { identityToken: 't' }],
    ['an identity token as a password', 'ghcr.io', { auth: encode('<token>:t') }, { identityToken: 't' }],
    ['a registry token', 'ghcr.io', { registrytoken: 't' }, { registryToken: 't' }],
    [
      'a key with scheme and slash',
      'https://GHCR.io/',
      { auth: encode('u:p') },
      { username: 'u', password: 'p' },
    ],
    ['a key with version', 'https://ghcr.io/v2/', { auth: encode('u:p') }, { username: 'u', password: 'p' }],
  ] as const) {
    it(`reads ${what}`, () => assert.deepEqual(store({ [key]: entry }).find('ghcr.io', 'a/b'), expected));
  }
  for (const key of ['https://index.docker.io/v1/', 'docker.io', 'index.docker.io', 'registry-1.docker.io']) {
    it(`knows Docker Hub as ${key}`, () => {
      assert.equal(store({ [key]: { auth: encode('u:p') } }).find('docker.io', 'library/x')?.username, 'u');
    });
  }
  it('prefers the longest path, and keeps to it', () => {
    const entries = store({
      'quay.io': { auth: encode('host:p') },
      'quay.io/team': { auth: encode('team:p') },
      'quay.io/team/image': { auth: encode('image:p') },
      'ghcr.io/only': { auth: encode('only:p') },
    });
    assert.equal(entries.find('quay.io', 'team/image')?.username, 'image');
    assert.equal(entries.find('quay.io', 'team/other/deep')?.username, 'team');
    assert.equal(entries.find('quay.io', 'teammate/x')?.username, 'host');
    assert.equal(entries.find('ghcr.io', 'other/x'), undefined);
    assert.equal(entries.find('ghcr.io:443', 'only/x'), undefined);
    assert.equal(entries.find('evil-ghcr.io', 'only/x'), undefined);
  });
  it('takes nothing for nothing', () => {
    assert.equal(new CredentialStore(undefined).find('ghcr.io', 'a'), undefined);
    assert.equal(new CredentialStore('').find('ghcr.io', 'a'), undefined);
    assert.equal(new CredentialStore('{"credsStore":"desktop"}').find('ghcr.io', 'a'), undefined);
    assert.equal(store({ 'ghcr.io': {} }).find('ghcr.io', 'a'), undefined);
  });
  for (const text of [
    'secret',
    '[]',
    '{"auths":[]}',
    '{"auths":{"x":{"auth":"c2VjcmV0"}}}',
    '{"auths":{"x":1}}',
  ]) {
    it(`refuses ${text}, without quoting a secret`, () => {
      assert.throws(
        () => new CredentialStore(text),
        (error: unknown) =>
          error instanceof SettingError &&
          error.message.includes('DOCKER_AUTH_CONFIG') &&
          !/secret|c2V/.test(error.message),
      );
    });
  }
});
