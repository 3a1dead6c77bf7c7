import type { Part } from '../bench';
import { findPgbench, writeScripts } from '../baselines/pgbench';
import { makeMenus, orderRequests } from '../environment/menu';
import { openWorld } from '../environment/world';
import { ratePerSecond } from '../load/job';
import { LoadGenerator } from '../load/load-generator';
import { spread, type Spread } from '../measure/spread';
import type { Figure } from '../report/figure';
import { CONNECTIONS, highestRate, startTaker } from './accept';

export const acceptLimits: Part = {
  name: 'accept-limits',
  what: 'the same beside its limits: pgbench with the same statements, Express without a database',
  async run(bench, scope) {
    const seconds = bench.seconds(4);
    const generator = LoadGenerator.start(bench, scope);
    const ours = await startTaker(bench, scope, 'order-api');
    const bare = await startTaker(bench, scope, 'express-only', {
      file: 'proof/bench/baselines/express-only.js',
    });
    const pgbench = findPgbench();
    const world = scope.own(await openWorld(bench.servers, 'pgbench', false));
    const requests = orderRequests(await makeMenus(world.databaseUrl));
    const scripts = pgbench && scope.own(await writeScripts(pgbench, world.databaseUrl, requests));
    for (const taker of [ours, bare]) await highestRate(generator, taker, 1, 1); // compiled by then

    const rates = { ours: [] as number[], bare: [] as number[], statements: [] as number[] };
    for (let round = 1; round <= bench.rounds; round += 1) {
      rates.ours.push(ratePerSecond(await highestRate(generator, ours, seconds)));
      rates.bare.push(ratePerSecond(await highestRate(generator, bare, seconds)));
      if (scripts) rates.statements.push(await scope.unlessBroken(scripts.run(CONNECTIONS, seconds)));
      const [one, ...others] = Object.values(rates).map((all) => Math.round(all.at(-1) ?? NaN));
      bench.control.say(
        `accept-limits, round ${round} of ${bench.rounds}: ${one}/s, ${others.join('/s and ')}/s`,
      );
    }
    const figure = (name: string, value: Spread): Figure => ({
      part: 'accept-limits',
      what: 'orders/s, 32 connections',
      ours: spread(rates.ours),
      baseline: { name, value },
    });
    return {
      figures: [
        figure('Express, no database', spread(rates.bare)),
        ...(scripts ? [figure('pgbench', spread(rates.statements))] : []),
      ],
      remarks: scripts ? [] : ['there is no pgbench on this machine'],
    };
  },
};
