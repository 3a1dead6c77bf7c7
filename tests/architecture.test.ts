import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize, resolve } from 'node:path';

// Who may import whom, as the layout has it: a service stands on shared/ alone, so that it can be read, changed,
// deployed and removed without the others.

const root = resolve(__dirname, '..');
const folders = readdirSync(root, { withFileTypes: true })
  .filter((entry) => entry.isDirectory() && !/^\.|^node_modules$|^dist$|^coverage$/.test(entry.name))
  .map((entry) => entry.name);

const sources = folders.flatMap((folder) =>
  readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /\.(ts|mjs|js)$/.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name).slice(root.length + 1))
    .filter((file) => !file.startsWith('prisma/generated/')),
);
const known = new Set(sources);

/** The files of this project that a file imports. */
function importsOf(file: string): string[] {
  const text = readFileSync(join(root, file), 'utf8');
  const pattern = /(?:\bfrom|\bimport|\brequire|\bjest\.mock)\s*\(?\s*['"](\.{1,2}\/[^'"]+)['"]/g;
  return [...text.matchAll(pattern)].flatMap(([, path = '']) => {
    const target = normalize(join(dirname(file), path));
    const found = [target, `${target}.ts`, target.replace(/\.js$/, '.ts')].find((one) => known.has(one));
    return found
      ? [found]
      : target.startsWith('prisma/generated/') || target.endsWith('.json')
        ? []
        : [target];
  });
}
const imports = new Map(sources.map((file) => [file, importsOf(file)]));

/** Its folder at the root; of an example that of the service. */
const folderOf = (file: string) => /^examples\/[^/]+(?=\/)|^[^/]*/.exec(file)?.[0] ?? '';
const isService = (folder: string) =>
  /-service$|^order-api$|^outbox-publisher$|^payment-simulator$/.test(folder);

/** Each import of a file for which `from` holds into a folder for which `into` does not, as `a → b`. */
const strays = (from: (folder: string) => boolean, into: (to: string, from: string) => boolean) =>
  sources
    .filter((file) => from(folderOf(file)))
    .flatMap((file) =>
      (imports.get(file) ?? [])
        .filter((path) => !into(folderOf(path), folderOf(file)))
        .map((path) => `${file} → ${path}`),
    );

describe('who may import whom', () => {
  it('the test sees the imports', () => {
    expect(sources.filter((file) => isService(folderOf(file))).length).toBeGreaterThan(50);
    expect(imports.get('inventory-service/main.ts')).toContain('shared/messaging/run-consumer.ts');
    expect(
      [...imports.values()].flat().filter((path) => !known.has(path) && !/(^|\/)dist\//.test(path)),
    ).toEqual([]);
  });

  it('a service imports from itself and from shared/', () => {
    expect(strays(isService, (to, from) => to === from || to === 'shared')).toEqual([]);
  });

  it('shared/ imports none of the folders beside it', () => {
    expect(
      strays(
        (from) => from === 'shared',
        (to) => to === 'shared',
      ),
    ).toEqual([]);
  });

  it('operator/ is imported by proof/ and console/ alone', () => {
    const outside = (from: string) => !['operator', 'proof', 'console'].includes(from);
    expect(strays(outside, (to) => to !== 'operator')).toEqual([]);
  });

  it('nothing imports an example', () => {
    const isExample = (folder: string) => folder.startsWith('examples/');
    expect(
      strays(
        () => true,
        (to, from) => to === from || !isExample(to),
      ),
    ).toEqual([]);
  });

  it('nothing imports proof/', () => {
    expect(
      strays(
        (from) => from !== 'proof',
        (to) => to !== 'proof',
      ),
    ).toEqual([]);
  });

  it('chaos, histories and bench know only what they share: the testbed, which knows none of them', () => {
    const wing = (file: string) => file.split('/')[1] ?? '';
    const across = sources
      .filter((file) => folderOf(file) === 'proof' && file.split('/').length > 2)
      .flatMap((file) =>
        (imports.get(file) ?? [])
          .filter((path) => folderOf(path) === 'proof' && ![wing(file), 'testbed'].includes(wing(path)))
          .map((path) => `${file} → ${path}`),
      );
    expect(across).toEqual([]);
  });

  it('scripts/ know no service: what they start, they find by its folder', () => {
    expect(
      strays(
        (from) => from === 'scripts',
        (to) => to === 'scripts' || to === 'shared',
      ),
    ).toEqual([]);
  });

  it('what runs in earnest imports no test support', () => {
    const isForTests = (file: string) => /\/testing\/|\.test\.ts$/.test(file);
    const users = sources
      .filter((file) => !isForTests(file) && !['proof', 'tests'].includes(folderOf(file)))
      .filter((file) => (imports.get(file) ?? []).some(isForTests));
    expect(users).toEqual([]);
  });

  it('no file imports itself by way of others', () => {
    const circles: string[] = [];
    const done = new Set<string>();
    const visit = (file: string, path: string[]): void => {
      const start = path.indexOf(file);
      if (start >= 0) circles.push([...path.slice(start), file].join(' → '));
      if (start >= 0 || done.has(file)) return;
      for (const next of imports.get(file) ?? []) visit(next, [...path, file]);
      done.add(file);
    };
    for (const file of sources) visit(file, []);
    expect(circles).toEqual([]);
  });

  it('only the relay publishes to the events exchange', () => {
    const publishers = sources
      .filter((file) => isService(folderOf(file)) || folderOf(file) === 'shared')
      .filter((file) => !/\.test\.|\/testing\//.test(file))
      .filter((file) =>
        /exchange: EVENTS_EXCHANGE|publish\(EVENTS_EXCHANGE/.test(readFileSync(join(root, file), 'utf8')),
      );
    expect(publishers.map(folderOf)).toEqual(['outbox-publisher']);
  });
});
