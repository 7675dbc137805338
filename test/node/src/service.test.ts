import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { SHELLS, withParts } from '../support/part.ts';

const PARTS = ['messages', 'processes', 'answer', 'http', 'service'];
/** A service that gives the answers 1, 2, …, whose first line is the status, and notes what it was asked. */
const STUB = `own_children
  Service=http://s Platform=linux/amd64 OnMiss=ensure WaitSeconds=60 Key= Token=
  count=0
  request() {
    count=$((count + 1)); printf '%s %s\\n' "$1" "$2" >>asked
    Status=$(head -n 1 "$Tmp/$count"); tail -n +2 "$Tmp/$count" >"$Tmp/answer"
  }
  pause() { echo "pause $1"; }
`;
const READY = "200\nRUN_REF='r:1'\nIMAGE_ID='sha256:1'\nSIZE='1'\nURL='http://x/y'\n";
const failed = (status: number, code: string, retryable = false): string =>
  `${status}\nERROR_CODE='${code}'\nERROR_DETAIL='Why, and what to do.'\nERROR_RETRYABLE='${retryable}'\n`;

for (const { name, argv: shell, skip } of SHELLS) {
  describe(`the service (${name})`, { skip }, () => {
    const lookup = (answers: readonly string[], settings = '', patience = 60) =>
      withParts(PARTS, `${STUB} ${settings}\nlookup ubuntu:1 ${patience}; echo "returned $?"; cat asked`, {
        shell,
        files: Object.fromEntries(answers.map((text, index) => [String(index + 1), text])),
      });

    it('is asked until the image is there, with progress', async () => {
      const pending = "202\nPROGRESS_STAGED_BYTES='1048576'\nPROGRESS_TOTAL_BYTES='5242880'\n";
      const { stdout, stderr } = await lookup([pending, READY]);
      assert.match(
        stdout,
        /^pause 1\nreturned 0\nPOST http:\/\/s\/api\/lookup\?format=env&wait=20&image=ubuntu:1/,
      );
      assert.match(stderr, /ubuntu:1 is being cached: 1 MiB of 5 MiB/);
    });

    it('is told to cache what it does not have, once', async () => {
      const { stdout } = await lookup([failed(404, 'image_not_cached'), '202\n', READY]);
      assert.match(
        stdout,
        /^returned 0\nPOST .*lookup.*\nPOST http:\/\/s\/api\/images\?format=env\nPOST .*lookup/,
      );
    });

    it('says no in its own words', async () => {
      const { stdout, stderr, code } = await lookup([
        failed(404, 'image_not_cached'),
        failed(404, 'image_not_found'),
      ]);
      assert.equal(code, 3);
      assert.equal(stdout, '');
      assert.equal(
        stderr.split('\n').at(-2),
        'tes-node: error: ubuntu:1 cannot be had: Why, and what to do.',
      );
      assert.match((await lookup([failed(404, 'image_not_cached')], 'OnMiss=pull')).stdout, /^returned 2\n/);
      assert.equal((await lookup([failed(404, 'image_not_cached')], 'OnMiss=fail')).code, 3);
      assert.match((await lookup(['401\n'])).stderr, /refused this node/);
      assert.match((await lookup(['200\n<html>'])).stderr, /is not one; is http:\/\/s a tes-image-cache/);
    });

    it('is asked again while it does not answer, and given up', async () => {
      const again = await lookup(['000\n', failed(503, 'storage_unavailable', true), READY]);
      assert.match(again.stdout, /^pause 1\npause 2\nreturned 0\n/);
      assert.match(again.stderr, /\(status 503, storage_unavailable\); trying again in 2 s/);
      assert.match((await lookup(['000\n'], '', 0)).stdout, /^returned 1\n/);
    });

    it('gets a token of the managed identity, or none', async () => {
      const token = (answer: string, audience = 'api://cache') =>
        withParts(PARTS, `${STUB} get_token; echo "[$Token]"; cat asked`, {
          ...{ shell, files: { 1: `200\n${answer}` } },
          env: { TES_CACHE_AUDIENCE: audience, TES_CACHE_CLIENT_ID: 'c', TES_CACHE_IMDS: 'http://imds' },
        });
      const url =
        'http://imds/metadata/identity/oauth2/token?api-version=2018-02-01&resource=api://cache&client_id=c';
      for (const answer of [
        '{"access_token":"ey.J-_1"}',
        '{"x": "y",\n "access_token" : "ey.J-_1", "z": ""}',
      ]) {
        assert.equal((await token(answer)).stdout, `[ey.J-_1]\nGET ${url}\n`);
      }
      for (const answer of ['', '{"error": "x"}', '{"access_token": ""}', '{"access_token": "a b"}']) {
        const { code, stderr } = await token(answer);
        assert.equal(code, 4, answer);
        assert.match(stderr, /gave no token \(status 200\)/);
      }
      assert.match((await token('', '')).stdout, /^\[\]\n/);
    });
  });
}
