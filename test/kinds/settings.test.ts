import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Config, loadConfig } from '../../src/config.ts';
import { SettingError } from '../../src/errors.ts';

const STORAGE = { IMAGE_STORAGE: 'UseDevelopmentStorage=true' };
const SECRET = 'hunter2';
const base64 = (text: string | Uint8Array): string => Buffer.from(text).toString('base64');
const GOOD = base64(`me:${SECRET}`);

const TIMER =
  'https://learn.microsoft.com/azure/azure-functions/functions-bindings-timer#ncrontab-expressions';
const CONTAINERS =
  'https://learn.microsoft.com/rest/api/storageservices/naming-and-referencing-containers--blobs--and-metadata';
const BLOCKS = 'https://learn.microsoft.com/azure/storage/blobs/scalability-targets';
const PUT_BLOCK = 'https://learn.microsoft.com/rest/api/storageservices/put-block#remarks';
const KEY = 'https://learn.microsoft.com/rest/api/storageservices/get-user-delegation-key#request-body';
const DATE = 'ECMA-262, 21.4.1.1: a time value is within 8.64e15 ms of the epoch';
const RFC7617 = 'https://www.rfc-editor.org/rfc/rfc7617#section-2';
const RFC6750 = 'https://www.rfc-editor.org/rfc/rfc6750#section-2.1';
const DOCKER_CONFIG = 'https://github.com/docker/cli/blob/master/cli/config/configfile/file.go';
const LEFT_BEHIND = 'https://github.com/docker-java/docker-java/issues/806';
const EMAIL = 'https://github.com/google/containerregistry/issues/144';
const AUTH_JSON = 'https://github.com/containers/image/blob/main/docs/containers-auth.json.5.md';
const RFC6762 = 'https://www.rfc-editor.org/rfc/rfc6762#appendix-G';
const HOSTS = 'https://www.rfc-editor.org/rfc/rfc1123#section-2.1';

/** Values of one setting that are taken, or refused, for one reason. */
interface Row {
  readonly setting: string;
  readonly values: readonly string[];
  readonly right: 'taken' | RegExp;
  readonly why: string;
  readonly source: string;
  readonly beside?: Readonly<Record<string, string>>;
  readonly check?: (config: Config) => unknown;
}

const rows: readonly Row[] = [
  {
    setting: 'PRUNE_AFTER_DAYS',
    values: ['0', '0.5', '30', '36500', '3e1'],
    right: 'taken',
    why: 'a fraction of a day is an age as well',
    source: DATE,
  },
  {
    setting: 'PRUNE_AFTER_DAYS',
    values: ['99999999999', '36501', '1e400', '0x10', '-1', '+1', '1_000', '30d', 'NaN', 'Infinity', '.5'],
    right: /it must be a number from 0 to 36500\.$/,
    why: 'a date so long ago cannot be said, and prune would end with it; other spellings are mistakes',
    source: DATE,
  },
  {
    setting: 'LASTUSED_RESOLUTION_SECONDS',
    values: ['0', '60', '86400'],
    right: 'taken',
    why: 'up to a day',
    source: DATE,
  },
  {
    setting: 'LASTUSED_RESOLUTION_SECONDS',
    values: ['1e14', '86401', '0.5', '1e-3', '0x3c'],
    right: /it must be a whole number from 0 to 86400\.$/,
    why: 'every lookup would fail at a date that cannot be said; dates are kept in whole seconds',
    source: DATE,
  },
  {
    setting: 'LASTUSED_RESOLUTION_SECONDS',
    values: ['43200', '86400'],
    beside: { PRUNE_AFTER_DAYS: '0.5' },
    right: /it must be less than PRUNE_AFTER_DAYS, which is 0\.5/,
    why: 'an image in use all day would look unused, and be deleted',
    source: 'docs/architecture.md, upkeep',
  },
  {
    setting: 'MAX_IMAGE_BYTES',
    values: ['1', '1e9', '214748364800', '209715200000000'],
    right: 'taken',
    why: 'up to 50,000 blocks of 4,000 MiB',
    source: BLOCKS,
  },
  {
    setting: 'MAX_IMAGE_BYTES',
    values: ['1e400', '1e15', '0', '1.5', '200GB', '200 GiB', '1,000', '0b11'],
    right: /it must be a whole number from 1 to 209715200000000\.$/,
    why: 'no blob can be larger, and half a byte is a mistake',
    source: BLOCKS,
  },
  {
    setting: 'MAX_WAIT_HOURS',
    values: ['0', '7', '0.25', '144'],
    right: 'taken',
    why: 'less than the week after which Azure drops what was staged',
    source: PUT_BLOCK,
  },
  {
    setting: 'MAX_WAIT_HOURS',
    values: ['1e300', '145', '-0', 'seven', '1h', '0x1'],
    right: /it must be a number from 0 to 144\.$/,
    why: 'what was staged would be gone before the run went on',
    source: PUT_BLOCK,
  },
  {
    setting: 'LOOKUP_URL_MINUTES',
    values: ['1', '120', '10070'],
    right: 'taken',
    why: 'up to the seven days of a signing key',
    source: KEY,
  },
  {
    setting: 'LOOKUP_URL_MINUTES',
    values: ['0', '0.5', '1.5', '10071', '1e2000', '2h'],
    right: /it must be a whole number from 1 to 10070\.$/,
    why: 'a URL that is out of date when it arrives helps nobody',
    source: KEY,
  },
  {
    setting: 'PRUNE_SCHEDULE',
    values: [
      ...[
        '0 30 3 * * *',
        '*/15 * * * * *',
        '0 0 */6 * * MON-FRI',
        '0 0 0 1 jan sun',
        '0 5,35 8-18/2 * * 1-5',
      ],
      ...['0 0 0 29 2 *', '0 0 3/6 * * *', '59 59 23 31 12 6', '0  30 3 * * *'],
    ],
    right: 'taken',
    why: 'six fields, with lists, ranges, steps and names',
    source: TIMER,
  },
  {
    setting: 'PRUNE_SCHEDULE',
    values: [
      ...['* * * * * 99', 'a b c d e f', '60 * * * * *', '* 60 * * * *', '* * 24 * * *', '* * * 32 * *'],
      ...['* * * 0 * *', '* * * * 13 *', '* * * * 0 *', '* * * * * 7', '* * * * SUN *', '* * * * * JAN'],
      ...['*/0 * * * * *', '0 */90 * * * *', '0 0 0 ? * *', '0 0 0 L * *', '0 0 0 * * MON#1', '5- * * * * *'],
      ...['30 3 * * *', '0 0 0 1 1 * 2030', '@daily', '01:00:00', '%SCHEDULE%', 'daily', '0 0 0 , * *'],
    ],
    right: /it must be an NCRONTAB expression of six fields/,
    why: "the host would refuse it after the app's start, and run no function at all",
    source: TIMER,
  },
  {
    setting: 'PRUNE_SCHEDULE',
    values: ['0 0 0 30 2 *', '0 0 0 31 FEB,APR,JUN,SEP,NOV *'],
    right: /it must be an NCRONTAB expression/,
    why: 'a day that never comes: nothing would ever be pruned',
    source: TIMER,
  },
  {
    setting: 'PRUNE_SCHEDULE',
    values: ['0 0 0 * * FRI-MON', '0 30-10 * * * *'],
    right: /it must be an NCRONTAB expression/,
    why: 'NCRONTAB turns the range round, which is another one than was meant',
    source: 'https://github.com/atifaziz/NCrontab',
  },
  {
    setting: 'INSECURE_REGISTRIES',
    values: ['*', '*.com', '*.io', 'localhost:5000,*'],
    right: /it must be registry hosts/,
    why: 'it would do away with TLS and the egress rules for half of the internet',
    source: RFC6762,
  },
  {
    setting: 'INSECURE_REGISTRIES',
    values: [
      'localhost:5000',
      '*.internal',
      '*.lan',
      '*.example.com',
      'https://registry.local',
      '[::1]:5000',
    ],
    right: 'taken',
    why: "an operator's own hosts, one by one or by a domain of theirs",
    source: RFC6762,
  },
  {
    setting: 'INSECURE_REGISTRIES',
    values: [
      'http://localhost:5000',
      'registry..local',
      '.local',
      'registry.',
      '*.',
      '10.0.0.0/8',
      '999.1.1.1',
    ],
    right: /it must be registry hosts/,
    why: 'no host has such a name',
    source: HOSTS,
  },
  {
    setting: 'ALLOWED_REGISTRIES',
    values: ['*', '*.com', 'ghcr.io', 'ghcr.io:443', '*.azurecr.io', 'GHCR.io', 'docker.io', ' , '],
    right: 'taken',
    why: 'it only narrows what may be reached',
    source: HOSTS,
  },
  {
    setting: 'ALLOWED_REGISTRIES',
    values: [
      'https://ghcr.io',
      'ghcr.io/owner',
      'gh*.io',
      'ghcr.io:',
      'ghcr.io:0',
      'ghcr.io:65536',
      'münchen.de',
    ],
    right: /it must be registry hosts, such as ghcr\.io/,
    why: 'it would match nothing, and every image be refused',
    source: HOSTS,
  },
  {
    setting: 'ALLOWED_REGISTRIES',
    values: [`https://me:${SECRET}@ghcr.io`],
    right: /is "ghcr\.io"; it must be registry hosts/,
    why: 'what may be a password is not shown',
    source: 'https://www.rfc-editor.org/rfc/rfc3986#section-7.5',
  },
  {
    setting: 'IMAGE_CONTAINER',
    values: ['dockerimages', 'a-1', 'x'.repeat(57), '123'],
    right: 'taken',
    why: 'the name of a container, with room for the suffix of the index container',
    source: CONTAINERS,
  },
  {
    setting: 'IMAGE_CONTAINER',
    values: [
      '../x',
      '$web',
      '$root',
      'a/b',
      'x'.repeat(58),
      'Images',
      'a--b',
      '-a1',
      'a1-',
      'ab',
      'a\u0000b1',
    ],
    right: /it must be a blob container name/,
    why: 'no container is called so, or it has a meaning of its own',
    source: CONTAINERS,
  },
  {
    setting: 'DEFAULT_PLATFORM',
    values: ['linux/', '/amd64', 'linux/amd64/v1/x', 'linux amd64', 'linux/amd64,linux/arm64'],
    right: /it must be os\/architecture/,
    why: 'one platform, with its architecture',
    source: 'https://github.com/opencontainers/image-spec/blob/main/image-index.md',
  },
  {
    setting: 'REGISTRY_MIRROR',
    values: ['yes', '1', 'TRUE', 'on', 'null'],
    right: /it must be true or false/,
    why: 'a word that is taken for false would be as wrong as one taken for true',
    source: 'local.settings.sample.json',
  },
  {
    setting: 'ACR_IDENTITY_CLIENT_ID',
    values: [
      'my-identity',
      '1234',
      '/subscriptions/x/resourceGroups/y',
      '01234567-89ab-cdef-0123-456789abcdeg',
    ],
    right: /it must be the client id of a managed identity, a GUID/,
    why: 'every pull from ACR would fail with an answer of the identity endpoint',
    source: 'https://learn.microsoft.com/entra/identity/managed-identities-azure-resources/overview',
  },
  {
    setting: 'IMAGE_STORAGE__accountName',
    values: ['My-Account', 'evil.example/', 'ab', 'x'.repeat(25), 'account.blob.core.windows.net'],
    beside: { IMAGE_STORAGE: '' },
    right: /it must be a storage account's name/,
    why: 'it becomes part of a host name',
    source: 'https://learn.microsoft.com/azure/storage/common/storage-account-overview#storage-account-name',
  },
];

const auths = (entry: unknown, key = 'ghcr.io'): string => JSON.stringify({ auths: { [key]: entry } });
const found = ({ credentials }: Config) => credentials.find('ghcr.io', 'team/image');

/** What stands in the file beside a good entry, which has to go on working where the other one is passed over. */
const credentialRows: readonly Row[] = [
  ...(
    [
      [[{}, null], LEFT_BEHIND, 'what Docker leaves behind where a credential store has the secret'],
      [
        [{ email: 'me@example.com' }, { auth: '', email: 'me@example.com' }],
        EMAIL,
        'an e-mail address alone',
      ],
      [[{ auth: '' }, { auth: null }, { username: '', password: '' }], LEFT_BEHIND, 'nothing in it'],
      [[{ username: 'me' }, { password: SECRET }, { user: SECRET }], DOCKER_CONFIG, 'no whole secret in it'],
    ] as const
  ).map(([entries, source, why]): Row => ({
    setting: 'DOCKER_AUTH_CONFIG',
    values: entries.map((entry) =>
      JSON.stringify({ auths: { 'other.example': entry, 'ghcr.io': { auth: GOOD } } }),
    ),
    right: 'taken',
    why: `passed over: ${why}`,
    source,
    check: (config) => {
      assert.deepEqual(found(config), { username: 'me', password: SECRET });
      assert.equal(config.credentials.find('other.example', 'x'), undefined);
    },
  })),
  {
    setting: 'DOCKER_AUTH_CONFIG',
    values: ['{}', '{"auths": null}', '{"auths": {}}', '{"credsStore": "desktop"}', `\ufeff${auths({})}`],
    right: 'taken',
    why: 'no credentials at all',
    source: DOCKER_CONFIG,
    check: (config) => assert.equal(found(config), undefined),
  },
  {
    setting: 'DOCKER_AUTH_CONFIG',
    values: [auths({ auth: GOOD }, ' https://GHCR.io/v2/'), auths({ auth: GOOD }, 'ghcr.io/team')],
    right: 'taken',
    why: 'a key is a host, a URL as Docker writes it, or a path as podman does',
    source: AUTH_JSON,
    check: (config) => assert.equal(found(config)?.username, 'me'),
  },
  {
    setting: 'DOCKER_AUTH_CONFIG',
    values: ['[]', 'null', '"x"', '7', '{"auths": []}', '{"auths": "x"}', `{"auths": {"${SECRET}`, GOOD],
    right: /it must be the JSON text of a Docker config\.json/,
    why: 'it is no such file',
    source: DOCKER_CONFIG,
  },
  {
    setting: 'DOCKER_AUTH_CONFIG',
    values: [
      ...['!!', SECRET, base64(SECRET), base64(`:${SECRET}`), `${GOOD}!`, GOOD.replace(/=+$/, '') + 'A'].map(
        (auth) => auths({ auth }),
      ),
      auths({ auth: base64(Buffer.from(`me:${SECRET}\xfc`, 'latin1')) }),
    ],
    right: /The entry of "ghcr\.io" has an auth that is not the base64 of name:password in UTF-8/,
    why: 'Docker refuses it too; what is not UTF-8 would be sent as another password',
    source: DOCKER_CONFIG,
  },
  {
    setting: 'DOCKER_AUTH_CONFIG',
    values: [
      auths({ auth: base64(`me:${SECRET}\n`) }),
      auths({ auth: base64(`m\0e:${SECRET}`) }),
      auths({ username: 'me', password: `${SECRET}\r` }),
    ],
    right: /The entry of "ghcr\.io" has a line break or another control character/,
    why: 'echo without -n puts one there, and the login fails for ever',
    source: RFC7617,
  },
  {
    setting: 'DOCKER_AUTH_CONFIG',
    values: [auths({ registrytoken: `${SECRET}\nX: y` }), auths({ registrytoken: `${SECRET} ü` })],
    right: /The entry of "ghcr\.io" has a registrytoken that cannot go into a header/,
    why: 'every request would fail before it is sent',
    source: RFC6750,
  },
  {
    setting: 'DOCKER_AUTH_CONFIG',
    values: [auths({ auth: 7 }), auths({ username: 'me', password: [SECRET] })],
    right: /The entry of "ghcr\.io" has a (auth|password) that is not a string/,
    why: 'Docker cannot read such a file',
    source: DOCKER_CONFIG,
  },
  {
    setting: 'DOCKER_AUTH_CONFIG',
    values: [auths(7), auths([SECRET]), auths(SECRET)],
    right: /The entry of "ghcr\.io" is not an object/,
    why: 'Docker cannot read such a file',
    source: DOCKER_CONFIG,
  },
  {
    setting: 'DOCKER_AUTH_CONFIG',
    values: ['', '*', '*.azurecr.io', 'ftp://ghcr.io', 'ghcr io', `u:${SECRET}@gh cr.io`].map((key) =>
      auths({ auth: GOOD }, key),
    ),
    right: /The entry of ".*" is under a name that is no registry host/,
    why: 'a secret that no registry would ever get',
    source: AUTH_JSON,
  },
];

describe('a setting', () => {
  for (const { setting, values, right, why, beside, check } of [...rows, ...credentialRows]) {
    for (const value of values) {
      const env = { ...STORAGE, ...beside, [setting]: value };
      it(`${setting}=${JSON.stringify(value).slice(0, 90)} is ${right === 'taken' ? 'taken' : 'refused'}: ${why}`, () => {
        if (right === 'taken') {
          const config = loadConfig(env);
          check?.(config);
          return;
        }
        assert.throws(
          () => loadConfig(env),
          (error: unknown) => {
            assert.ok(error instanceof SettingError, String(error));
            assert.match(error.message, right);
            assert.ok(error.message.startsWith(`The setting ${setting} is "`), error.message);
            for (const secret of [SECRET, GOOD, base64(SECRET)])
              assert.ok(!`${error.message}${error.stack ?? ''}`.includes(secret), error.message);
            return true;
          },
        );
      });
    }
  }
});
