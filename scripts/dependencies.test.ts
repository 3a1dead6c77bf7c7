import { execFile, execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { checkout } from './servers/checkout';

interface Lock {
  packages: Record<string, { version: string; dev?: boolean; optional?: boolean; devOptional?: boolean }>;
}
interface Bom {
  bomFormat: string;
  metadata: { component: { name: string } };
  components: {
    'bom-ref': string;
    name: string;
    version: string;
    purl: string;
    hashes: object[];
    licenses: object[];
  }[];
  dependencies: { ref: string; dependsOn: string[] }[];
}

test('the SBOM has each package that the images have, and no other', () => {
  const bom = JSON.parse(
    execFileSync(process.execPath, [path.join(checkout, 'scripts', 'sbom.mjs')], {
      encoding: 'utf8',
      cwd: '/',
    }),
  ) as Bom;
  const { packages } = JSON.parse(readFileSync(path.join(checkout, 'package-lock.json'), 'utf8')) as Lock;
  const wanted = Object.entries(packages)
    .filter(([where, one]) => where && !one.dev && !one.optional && !one.devOptional)
    .map(([where, { version }]) => `${where.replace(/^.*node_modules\//, '')}@${version}`);
  expect(bom).toMatchObject({ bomFormat: 'CycloneDX', metadata: { component: { name: 'ordermesh' } } });
  expect(bom.components.map((one) => one['bom-ref']).sort()).toEqual([...new Set(wanted)].sort());
  for (const name of ['express', 'cors', 'bytes'])
    expect(bom.components.map((one) => one.name)).toContain(name);
  for (const name of ['jest', 'typescript', 'prisma'])
    expect(bom.components.map((one) => one.name)).not.toContain(name);
  for (const { purl, hashes, licenses } of bom.components) {
    expect(purl).toMatch(/^pkg:npm\//);
    expect([hashes.length, licenses.length]).toEqual([1, 1]);
  }
  const listed = new Set(bom.components.map((one) => one['bom-ref']));
  expect(bom.dependencies.flatMap(({ dependsOn }) => dependsOn).filter((ref) => !listed.has(ref))).toEqual(
    [],
  );
}, 30_000);

describe('the audit of dependencies', () => {
  let server: Server;
  let answer: { status: number; body: unknown };
  beforeAll(async () => {
    server = createServer((request, response) => {
      request.resume();
      const { status, body } =
        request.method === 'POST' ? answer : { status: 200, body: package_(request.url!) };
      request.on('end', () => response.writeHead(status).end(JSON.stringify(body)));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  });
  afterAll(() => {
    server.closeAllConnections();
    server.close();
  });

  /** What a registry says of a package: a version. */
  function package_(url: string) {
    const name = decodeURIComponent(url.slice(1));
    return { name, 'dist-tags': { latest: '5.3.0' }, versions: { '5.3.0': { name, version: '5.3.0' } } };
  }

  const advisory = (severity: string) => ({
    express: [
      {
        id: severity.length, // npm remembers what it was told of one
        url: 'https://github.com/advisories/GHSA-test',
        title: 'a hole',
        severity,
        vulnerable_versions: '*',
        cwe: [],
        cvss: { score: 8 },
      },
    ],
  });
  it.each([
    ['is skipped aloud where nobody answers', 405, {}, 0, /^Skipped: the advisory service/],
    ['passes where nothing is known', 200, {}, 0, /^$/],
    ['passes what is moderate', 200, advisory('moderate'), 0, /^$/],
    ['fails for what is high, and names it', 200, advisory('high'), 1, /high {2}express {2}.*GHSA-test/],
  ])(
    '%s',
    async (_, status, body, code, said) => {
      answer = { status, body };
      const registry = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
      const ran = await new Promise<{ code: number; said: string }>((done) =>
        execFile(
          'bash',
          [path.join(checkout, '.ci', 'audit-dependencies')],
          { env: { ...process.env, npm_config_registry: registry, npm_config_fetch_retries: '0' } },
          (error, stdout) => done({ code: Number(error?.code ?? 0), said: stdout.trim() }),
        ),
      );
      expect(ran).toEqual({ code, said: expect.stringMatching(said) as string });
    },
    60_000,
  );
});
