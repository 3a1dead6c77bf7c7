import { asyncApiChanges, type AsyncApi } from './asyncapi-changes';
import { openApiChanges, type OpenApi } from './openapi-changes';

/** A contract as it is kept: OpenAPI or AsyncAPI. */
export interface Contract {
  info: { version: string };
}

/** By the names under which they are kept, how two of them are compared. */
const comparisons: Record<string, (before: Contract, after: Contract) => string[]> = {
  openapi: (before, after) => openApiChanges(before as OpenApi, after as OpenApi),
  asyncapi: (before, after) => asyncApiChanges(before as AsyncApi, after as AsyncApi),
};

/**
 * What breaks for users of a contract as it was.
 * @returns the changes, and whether they are announced by another version
 * @throws {Error} for a contract of a name that nobody knows how to compare
 */
export function compareContracts(
  name: string,
  before: Contract,
  after: Contract,
): { changes: string[]; isAnnounced: boolean } {
  const compare = comparisons[name];
  if (!compare) throw new Error(`There is no comparison for ${name}: add it to compare-contracts.ts`);
  return { changes: compare(before, after), isAnnounced: before.info.version !== after.info.version };
}
