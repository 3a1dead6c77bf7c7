import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { findMigrations } from './find-migrations';

let root: string;
beforeEach(() => {
  root = mkdtempSync(path.join(tmpdir(), 'ordermesh-test-'));
  migration('prisma', '20260101000000_mesh');
  migration('prisma', '20260301000000_more');
  migration('kitchen-service', '20260201000000_tickets');
  migration('examples/loyalty-service', '20260202000000_points');
});
afterEach(() => rmSync(root, { recursive: true }));

function migration(owner: string, name: string, file = 'migration.sql'): void {
  const folder = path.join(root, owner, 'migrations', name);
  mkdirSync(folder, { recursive: true });
  writeFileSync(path.join(folder, file), `SELECT '${owner}';`);
}
const names = (...examples: string[]) => findMigrations(examples, root).map(({ name }) => name);

it("are the mesh's and those in the folders of services, by the time in their names", () => {
  expect(findMigrations([], root)).toEqual([
    { name: '20260101000000_mesh', sql: `SELECT 'prisma';` },
    { name: '20260201000000_tickets', sql: `SELECT 'kitchen-service';` },
    { name: '20260301000000_more', sql: `SELECT 'prisma';` },
  ]);
});

it('are those of an example where it is asked for', () => {
  expect(names('loyalty-service')).toContain('20260202000000_points');
});

it('of a copy at the root, and not of the example that it was made from', () => {
  migration('loyalty-service', '20260202000000_points');
  migration('loyalty-service', '20260401000000_mine');
  expect(names()).toEqual(expect.arrayContaining(['20260202000000_points', '20260401000000_mine']));
});

it('two of one name are refused, asked for or not: the second would never be applied', () => {
  migration('examples/other-service', '20260201000000_tickets');
  expect(() => names()).toThrow(
    'Two migrations have one name, kitchen-service/migrations/20260201000000_tickets and ' +
      'examples/other-service/migrations/20260201000000_tickets',
  );
});

it.each([
  ['tickets', 'migration.sql'],
  ['20260201000000_tickets_too', 'up.sql'],
])('a folder that is none is refused: %s with %s', (name, file) => {
  migration('kitchen-service', name, file);
  expect(() => names()).toThrow(`kitchen-service/migrations/${name} is no migration`);
});
