import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { foldersWith } from '../../shared/service/service-folders';
import { checkout } from '../servers/checkout';

/** Of the tables that belong to nobody alone. */
export const MESH = 'mesh';

/** Who owns which table: the schema file that it is in is named for its owner, or lies in the owner's folder. */
export function tableOwners(root = checkout): Map<string, string> {
  const shared = path.join(root, 'prisma', 'schema');
  const files = [
    ...readdirSync(shared)
      .filter((name) => name.endsWith('.prisma'))
      .map((name) => ({ owner: path.basename(name, '.prisma'), file: path.join(shared, name) })),
    ...foldersWith('schema.prisma', root).map((folder) => ({
      owner: folder.name,
      file: path.join(root, folder.path, 'schema.prisma'),
    })),
  ];
  return new Map(
    files.flatMap(({ owner, file }) =>
      tablesIn(readFileSync(file, 'utf8')).map((table) => [table, owner] as const),
    ),
  );
}

const tablesIn = (schema: string): string[] =>
  [...schema.matchAll(/^model (\w+) \{\n([\s\S]*?)^\}/gm)].map(
    ([, name = '', body = '']) => /^\s*@@map\("([^"]+)"\)/m.exec(body)?.[1] ?? name,
  );
