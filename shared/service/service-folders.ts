import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';

/** A service is known by its folder: at the root, or below `examples/`. */
export interface ServiceFolder {
  name: string;
  /** From the root: `inventory-service`, `examples/loyalty-service`. */
  path: string;
  /** An example takes part only where somebody asks for it. */
  isExample: boolean;
}

const EXAMPLES = 'examples';
const isOther = (name: string) => /^\.|^(node_modules|dist|coverage|examples)$/.test(name);

/**
 * The folders that have such a file or folder in them, by name. Of an example and a folder at the root with the same
 * name, the latter counts: it is a copy that somebody made to change it.
 * @param root the checkout, or `dist/` in it
 */
export function foldersWith(file: string, root: string): ServiceFolder[] {
  const found = new Map<string, ServiceFolder>();
  for (const name of namesIn(path.join(root, EXAMPLES)))
    found.set(name, { name, path: `${EXAMPLES}/${name}`, isExample: true });
  for (const name of namesIn(root))
    if (!isOther(name)) found.set(name, { name, path: name, isExample: false });
  return [...found.values()]
    .filter((folder) => existsSync(path.join(root, folder.path, file)))
    .sort((a, b) => a.name.localeCompare(b.name));
}

const namesIn = (folder: string): string[] =>
  existsSync(folder)
    ? readdirSync(folder, { withFileTypes: true })
        .filter((entry) => entry.isDirectory())
        .map((entry) => entry.name)
    : [];

/** Those at the root, and the examples that are asked for. */
export const withoutOtherExamples = (folders: readonly ServiceFolder[], asked: readonly string[]) =>
  folders.filter(({ name, isExample }) => !isExample || asked.includes(name));
