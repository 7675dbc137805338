import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { serve } from '../../registry/support/server.ts';
import { SHELLS, withParts } from '../support/part.ts';

const PARTS = ['processes', 'http'];
/** Notes its arguments and its standard input, and answers. */
const CURL = `printf '%s ' "$@" >"$HERE/args"; cat >"$HERE/stdin"
while [ $# -gt 0 ]; do case $1 in --output) out=$2 ;; --dump-header) head=$2 ;; esac; shift; done
if [ -n "\${out:-}" ]; then printf body >"$out"; printf 201; else printf 'HTTP/1.1 206 Partial\\r\\n' >"$head"; printf part; fi`;
const WGET = `printf '%s ' "$@" >"$HERE/args"; cat >"$HERE/stdin"; [ -z "\${WGETRC:-}" ] || cat "$WGETRC" >"$HERE/rc"
for arg; do case $arg in --output-document=-) printf part ;; --output-document=*) printf body >"\${arg#*=}" ;; esac; done
printf '  HTTP/1.1 302 Found\\n  HTTP/1.1 404 Not Found\\n' >&2; exit 8`;

for (const { name, argv: shell, skip } of SHELLS) {
  describe(`HTTP (${name})`, { skip }, () => {
    const seen = 'cat "$Tmp/answer"; echo " $Status"; cat args; echo; cat stdin';

    it('asks by curl, with URL and header on standard input', async () => {
      const text = `own_children; Http=curl; request POST http://h/x 60 'x-key: secret' "$Tmp/body" text/plain; ${seen}`;
      const { stdout, stderr } = await withParts(PARTS, text, { shell, programs: { curl: CURL } });
      const [answer, args = '', ...stdin] = stdout.split('\n');
      assert.equal(answer, 'body 201', stderr);
      assert.doesNotMatch(args, /secret|http:/);
      assert.match(args, /--request POST .*--max-time 60/);
      assert.deepEqual(stdin.slice(0, 2), ['url = "http://h/x"', 'header = "x-key: secret"']);
      assert.match(stdin[2] ?? '', /^data-binary = "@.*\/body"$/);
    });

    it('asks by wget, with the URL on standard input and the header in a file', async () => {
      const text = `own_children; Http=wget; request GET http://h/x 60 'x-key: secret'; ${seen}; cat rc`;
      const { stdout, stderr } = await withParts(PARTS, text, { shell, programs: { wget: WGET } });
      const [answer, args = '', ...rest] = stdout.split('\n');
      assert.equal(answer, 'body 404', stderr);
      assert.doesNotMatch(args, /secret|http:/);
      assert.deepEqual(rest, ['http://h/x', 'header = x-key: secret', '']);
    });

    it('gives several headers, and follows no redirect, along which they would go', async () => {
      const hosts: (string | string[] | undefined)[][] = [];
      const other = await serve((request, response) => {
        hosts.push(['other', request.headers['x-key']]);
        response.end();
      });
      const service = await serve((request, response) => {
        hosts.push(['service', request.headers['x-key'], request.headers['x-token']]);
        response.writeHead(302, { location: other.origin }).end();
      });
      try {
        for (const program of ['curl', 'wget']) {
          const text = `own_children; Http=${program}; request GET ${service.origin}/ 60 'x-key: k
x-token: t'; echo "$Status"`;
          const { stdout, stderr } = await withParts(PARTS, text, { shell });
          assert.equal(stdout, '302\n', `${program}: ${stderr}`);
        }
        assert.deepEqual(hosts, [
          ['service', 'k', 't'],
          ['service', 'k', 't'],
        ]);
      } finally {
        await service.close();
        await other.close();
      }
    });

    it('has the status 000 where nothing answers', async () => {
      for (const program of ['curl', 'wget']) {
        const text = `own_children; Http=${program}; request GET http://h/x 60 ''; echo "$Status"`;
        const programs = { [program]: 'cat >/dev/null; exit 7' };
        assert.equal((await withParts(PARTS, text, { shell, programs })).stdout, '000\n');
      }
    });

    it('appends a range to what is there', async () => {
      for (const [program, body, status] of [
        ['curl', CURL, '206'],
        ['wget', WGET, '404'],
      ] as const) {
        const text = `own_children; Http=${program}; printf have >file; fetch_range 4 7 "$HERE/file"
          cat file; echo " $RangeStatus"; cat stdin; cat args`;
        const files = { url: 'http://h/x?sig=secret\n' };
        const { stdout } = await withParts(PARTS, text, { shell, files, programs: { [program]: body } });
        const [first, stdin, args = ''] = stdout.split('\n');
        assert.equal(first, `havepart ${status}`);
        assert.match(stdin ?? '', /http:\/\/h\/x\?sig=secret/);
        assert.doesNotMatch(args, /secret/);
        assert.match(args, program === 'curl' ? /--range 4-7 / : /--start-pos=4 --header=Range: bytes=4-7 /);
      }
    });

    it('encodes what a query cannot have', async () => {
      const { stdout } = await withParts(PARTS, "encode 'a&b+c#d%[::1]:5/x@y'", { shell });
      assert.equal(stdout, 'a%26b%2Bc%23d%25%5B::1%5D:5/x@y');
    });
  });
}
