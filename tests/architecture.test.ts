import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve, sep } from 'node:path';

const root = resolve(__dirname, '..');
const services = readdirSync(root, { withFileTypes: true })
  .filter(
    (entry) =>
      entry.isDirectory() && /-service$|^order-api$|^outbox-publisher$|^payment-simulator$/.test(entry.name),
  )
  .map((entry) => entry.name);

const sources = (folder: string): string[] =>
  readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
    .map((entry) => join(entry.parentPath, entry.name));

/** What a file imports from within the project, as paths from the root. */
const imports = (file: string): string[] =>
  [...readFileSync(file, 'utf8').matchAll(/(?:from|import|require)\s*\(?\s*['"](\.{1,2}\/[^'"]+)['"]/g)].map(
    (match) => resolve(file, '..', match[1] ?? '').slice(root.length + 1),
  );

describe('who may import whom', () => {
  it.each(services)(
    '%s imports from itself, from shared/ and the generated client, and from no other service',
    (service) => {
      const foreign = sources(service).flatMap((file) =>
        imports(file)
          .filter(
            (path) =>
              ![service, 'shared', join('prisma', 'generated')].some(
                (own) => path === own || path.startsWith(own + sep),
              ),
          )
          .map((path) => `${file.slice(root.length + 1)} → ${path}`),
      );
      expect(foreign).toEqual([]);
    },
  );

  it('shared/ knows no service', () => {
    const known = sources('shared').flatMap((file) =>
      imports(file).filter((path) => services.includes(path.split(sep)[0] ?? '')),
    );
    expect(known).toEqual([]);
  });

  it('only the relay publishes to the events exchange', () => {
    const publishers = [...services, 'shared']
      .flatMap(sources)
      .filter((file) => !file.includes('.test.') && !file.includes(`${sep}testing${sep}`))
      .filter((file) =>
        /exchange: EVENTS_EXCHANGE|publish\(EVENTS_EXCHANGE/.test(readFileSync(file, 'utf8')),
      );
    expect(publishers.map((file) => file.slice(root.length + 1).split(sep)[0])).toEqual(['outbox-publisher']);
  });
});
