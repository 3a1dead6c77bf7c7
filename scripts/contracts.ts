import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { isClientStale, writeClientTypes } from './contracts/client-types';
import { compareContracts, type Contract } from './contracts/compare-contracts';
import { writeRelease } from './contracts/release';
import { runMain } from './run-main';
import { checkout } from './servers/checkout';
import { UserError } from './servers/search';

// npm run contracts: keeps copies of what the services promise to others, so that a change of it is seen in review, and
// holds them against those of the last release.

const USAGE = `npm run contracts [-- --check | --release]

Writes docs/contracts/*.json as the code has them and client/schema.ts after them, and says what in them breaks for users of the last release.
  --check    writes nothing; fails where a copy is stale
  --release  makes the copies those of the last release, and the commit that is checked out its code; do it in the
             commit that releases them, with all that is released committed before
Fails where something breaks and the contract's version (info.version) is still that of the last release.`;

const FOLDER = path.join(checkout, 'docs', 'contracts');
const RELEASED = path.join(FOLDER, 'released');

/** Found by their folders: each service with a `contracts` module. As JSON has them. */
function currentContracts(): Record<string, Contract> {
  const dist = path.join(checkout, 'dist');
  const found = readdirSync(dist)
    .map((folder) => path.join(dist, folder, 'contracts.js'))
    .filter((file) => !file.startsWith(path.join(dist, 'scripts')) && existsSync(file))
    .map((file) => (require(file) as { contracts: () => Record<string, Contract> }).contracts());
  return JSON.parse(JSON.stringify(Object.assign({}, ...found))) as Record<string, Contract>;
}

const asText = (document: Contract) => `${JSON.stringify(document, null, 2)}\n`;

function write(folder: string, name: string, document: Contract): void {
  mkdirSync(folder, { recursive: true });
  writeFileSync(path.join(folder, `${name}.json`), asText(document));
}

const readCopy = (folder: string, name: string): string | undefined => {
  const file = path.join(folder, `${name}.json`);
  return existsSync(file) ? readFileSync(file, 'utf8') : undefined;
};

/** What is wrong with a contract: that its copy is stale, or that it breaks with the last release and does not say so. */
function faultsOf(name: string, document: Contract, isStale: boolean): string[] {
  const released = readCopy(RELEASED, name);
  const { changes, isAnnounced } = released
    ? compareContracts(name, JSON.parse(released) as Contract, document)
    : { changes: [], isAnnounced: false };
  const list = changes.map((change) => `\n  ${change}`).join('');
  if (changes.length > 0 && isAnnounced)
    console.log(`${name}: version ${document.info.version} breaks with the last release:${list}`);
  return [
    ...(isStale ? [`docs/contracts/${name}.json is not what the code has: run npm run contracts`] : []),
    ...(changes.length > 0 && !isAnnounced
      ? [`${name} breaks with the last release, and its info.version is the same:${list}`]
      : []),
  ];
}

async function main(): Promise<number> {
  const values = options();
  if (values.help) {
    console.log(USAGE);
    return 0;
  }
  const faults: string[] = [];
  for (const [name, document] of Object.entries(currentContracts())) {
    let isStale = readCopy(FOLDER, name) !== asText(document);
    if (isStale && !values.check) {
      write(FOLDER, name, document);
      console.log(`docs/contracts/${name}.json is written`);
      isStale = false;
    }
    if (values.release) write(RELEASED, name, document);
    faults.push(...faultsOf(name, document, isStale));
  }
  if (values.release) console.log(`The last release is commit ${writeRelease().commit}`);
  faults.push(...clientFaults(values.check === true));
  if (faults.length > 0) console.error(faults.join('\n'));
  return faults.length > 0 ? 1 : 0;
}

/** The client's types follow the copy of OpenAPI. */
function clientFaults(isCheck: boolean): string[] {
  const openapi = readCopy(FOLDER, 'openapi') ?? '';
  if (!isClientStale(openapi)) return [];
  if (isCheck)
    return ['client/schema.ts is not what docs/contracts/openapi.json says: run npm run contracts'];
  writeClientTypes(openapi, path.join(FOLDER, 'openapi.json'));
  console.log('client/schema.ts is written');
  return [];
}

function options() {
  try {
    return parseArgs({
      options: { check: { type: 'boolean' }, release: { type: 'boolean' }, help: { type: 'boolean' } },
    }).values;
  } catch (error) {
    throw new UserError(`${(error as Error).message}\n\n${USAGE}`);
  }
}

runMain(main);
