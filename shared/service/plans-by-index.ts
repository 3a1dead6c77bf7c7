/**
 * For the connections of a service: each of its statements looks a bounded number of rows up by an index. The planner
 * would choose by what it knew of the tables when their statistics were last taken: for one that was empty then,
 * to read all of it, or to sort all that an index finds; and a prepared statement would keep to such a plan.
 * (What has no index is read all the same, at a price so high that a compiler and helpers would seem worth while.)
 */
export const PLANS_BY_INDEX = {
  enable_seqscan: 'off',
  enable_bitmapscan: 'off',
  enable_hashjoin: 'off',
  enable_mergejoin: 'off',
  jit: 'off',
  max_parallel_workers_per_gather: '0',
};
