import { readdirSync, readFileSync, existsSync, statSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { routes } from '../order-api/routes';
import { eventTypes } from '../shared/events/contracts';
import { foldersWith } from '../shared/service/service-folders';
import { waitCodes } from '../shared/timeline/wait-codes';

// What the documentation says of the code is looked up in the code, so that neither changes alone.

const root = resolve(__dirname, '..');
const read = (file: string) => readFileSync(join(root, file), 'utf8');

/** The project's own files: not what is installed, compiled or kept at run time. */
function filesIn(folder: string, name: RegExp): string[] {
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isFile()) return name.test(entry.name) ? [path] : [];
    return /^(\..*|node_modules|dist|coverage|generated)$/.test(entry.name) || !entry.isDirectory()
      ? []
      : filesIn(path, name);
  });
}

const documents = filesIn('.', /\.md$/);
const withoutCode = (text: string) => text.replace(/^ *```.*?^ *```/gms, '').replace(/`[^`\n]*`/g, 'code');

/** The anchors that GitHub gives a document's headings: https://github.com/Flet/github-slugger */
function anchorsOf(text: string): Set<string> {
  const anchors = new Set<string>();
  for (const [, heading = ''] of text.replace(/^ *```.*?^ *```/gms, '').matchAll(/^#+ +(.+)$/gm)) {
    const slug = heading
      .replace(/\[([^\]]*)\]\([^)]*\)/g, '$1')
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, '')
      .trim()
      .replace(/\s/g, '-');
    let anchor = slug;
    for (let count = 1; anchors.has(anchor); count += 1) anchor = `${slug}-${count}`;
    anchors.add(anchor);
  }
  return anchors;
}

/** Why a link of a document leads nowhere; undefined where it leads somewhere. */
function whyBroken(document: string, target: string): string | undefined {
  const [path = '', anchor] = target.split('#');
  const file = path === '' ? join(root, document) : resolve(root, dirname(document), decodeURI(path));
  if (relative(root, file).startsWith('..')) return 'is outside the project';
  if (!existsSync(file)) return 'does not exist';
  if (anchor === undefined) return undefined;
  if (!statSync(file).isFile() || !file.endsWith('.md')) return 'has an anchor and is no document';
  return anchorsOf(readFileSync(file, 'utf8')).has(anchor) ? undefined : 'has no such heading';
}

/** Links that are addresses elsewhere are not followed. */
const linksIn = (document: string) =>
  [...withoutCode(read(document)).matchAll(/\[[^\]]*\]\(([^)\s]+)\)/g)]
    .map(([, target = '']) => target)
    .filter((target) => !/^[a-z]+:/.test(target));

/** Those of the names that a document does not have in backticks, alone or with arguments after it. */
function missingIn(document: string, names: Iterable<string>): string[] {
  const code = [...read(document).matchAll(/`([^`\n]+)`/g)].map(([, text = '']) => text);
  return [...new Set(names)].filter(
    (name) => !code.some((text) => text === name || text.startsWith(`${name} `)),
  );
}

/**
 * The variables that services and commands read: the members of configuration schemas, which alone have such names,
 * names of passwords beside a URL, and what is read from the environment directly.
 */
function variablesIn(folder: string): string[] {
  const sources = filesIn(folder, /\.(ts|mjs|sh)$/).filter((file) => !/\.test\.ts$|\/testing\//.test(file));
  const patterns = [
    /(?:^ +|[{,] )([A-Z][A-Z0-9]*_[A-Z0-9_]+|PORT|HOST|AUTH): (?=port|count|duration|z\b|parsed|retryDelays|readable|\w*[uU]rl|logLevel|healthPort|cardToken|auth|rateLimit|trustProxy|origins|list|claim)/gm,
    /'((?:DATABASE|RABBITMQ)_[A-Z_]+)'/g,
    /process\.env\.([A-Z][A-Z0-9_]+)/g,
    /\$\{([A-Z]+_URL)(?=:-)/g,
  ];
  return sources.flatMap((file) =>
    patterns.flatMap((pattern) => [...read(file).matchAll(pattern)].map(([, name = '']) => name)),
  );
}
const services = foldersWith('main.ts', root).map(({ path }) => path);
/** What a service has its readers told of itself, where it does. */
const readmeOf = (folder: string) => join(folder, 'README.md');

/** Set by others for every program, or by the test command for itself. */
const isForeign = (name: string) => /^(PATH|HOME|XDG_|npm_|TEST_|SIMULATION_|FUZZ_)/.test(name);

describe('the documentation', () => {
  it('has no link that leads nowhere', () => {
    expect(documents.flatMap(linksIn).length).toBeGreaterThan(50);
    const broken = documents.flatMap((document) =>
      linksIn(document).flatMap((target) => {
        const why = whyBroken(document, target);
        return why ? [`${document}: ${target} ${why}`] : [];
      }),
    );
    expect(broken).toEqual([]);
  });

  it('is all reached from the README', () => {
    const reached = new Set(['README.md']);
    for (const document of reached)
      for (const target of linksIn(document))
        if (/\.md(#|$)/.test(target)) reached.add(join(dirname(document), target.split('#')[0] ?? ''));
    // A service may be added with a document of its own, and nothing else changed.
    const own = services.map(readmeOf);
    expect(documents.filter((document) => !reached.has(document) && !own.includes(document))).toEqual([]);
  });

  it('begins with a README that is read to its end', () => {
    expect(read('README.md').split('\n').length).toBeLessThanOrEqual(190);
  });

  it('names every command in the README', () => {
    const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };
    const commands = Object.keys(scripts).map((name) =>
      name === 'start' || name === 'test' ? `npm ${name}` : `npm run ${name}`,
    );
    expect(missingIn('README.md', commands)).toEqual([]);
  });

  it('names tests that exist', () => {
    const named = documents.flatMap((document) =>
      [...read(document).matchAll(/npm test -- ([\w./-]+)/g)].map(([, path = '']) => path),
    );
    expect(named.length).toBeGreaterThan(5);
    const tests = filesIn('.', /\.test\.ts$/);
    expect(named.filter((path) => !tests.some((file) => file.includes(path)))).toEqual([]);
  });

  it('has every variable of the configuration', () => {
    const folders = ['shared/service', 'scripts', 'operator', ...services];
    const variables = folders.flatMap((folder) => {
      const found = variablesIn(folder).filter((name) => !isForeign(name));
      return existsSync(join(root, readmeOf(folder))) ? missingIn(readmeOf(folder), found) : found;
    });
    expect(new Set(variables).size).toBeGreaterThan(25);
    expect(missingIn('docs/guides/configuration.md', variables)).toEqual([]);
  });

  it('has every variable of the Compose file', () => {
    const variables = [...read('docker-compose.yml').matchAll(/\$\{([A-Z_]+)/g)].map(([, name = '']) => name);
    expect(variables.length).toBeGreaterThan(5);
    expect(missingIn('docs/guides/configuration.md', variables)).toEqual([]);
  });

  it('has every metric', () => {
    const sources = filesIn('.', /^(?!.*\.test).*\.ts$/).map(read);
    const names = sources.flatMap((text) =>
      [...text.matchAll(/\b(?:counter|histogram|gauge|readGauge)\(\s*'(\w+)'/g)].map(([, name = '']) => name),
    );
    expect(new Set(names).size).toBeGreaterThan(15);
    const documented = new Set(read('docs/guides/metrics.md').match(/\b(?:ordermesh|http)_\w+/g));
    expect([...new Set(names)].filter((name) => !documented.has(name))).toEqual([]);
  });

  it('has every event', () => {
    expect(missingIn('docs/guides/events.md', eventTypes)).toEqual([]);
  });

  it('has every code of why an order waits', () => {
    expect(missingIn('docs/guides/api.md', Object.keys(waitCodes))).toEqual([]);
  });

  it('has every route', () => {
    const named = routes.map(({ method, path }) => `${method.toUpperCase()} /api/v1${path}`);
    expect(missingIn('docs/guides/api.md', named)).toEqual([]);
  });
});
