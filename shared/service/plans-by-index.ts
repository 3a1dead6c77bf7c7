/**
 * For the connections of a service: each of its statements looks a bounded number of rows up by an index. The planner
 * would choose by what it knew of the tables when their statistics were last taken: for one that was empty then,
 * to read all of it, or to sort all that an index finds; and a prepared statement would keep to such a plan.
 * (What has no index is read all the same, at a price so high that a compiler and helpers would seem worth while.)
 */
export const PLANS_BY_INDEX = [
  ...['seqscan', 'bitmapscan', 'hashjoin', 'mergejoin'].map((way) => `-c enable_${way}=off`),
  '-c jit=off -c max_parallel_workers_per_gather=0',
].join(' ');
