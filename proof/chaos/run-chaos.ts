import { writeFileSync } from 'node:fs';
import type { Control } from '../../scripts/supervisor/control';
import { messageOf } from '../../scripts/servers/wait-until';
import { createApiClient } from './api-client';
import { carryOut } from './carry-out';
import { addWebhooks } from './add-webhooks';
import type { ChaosArguments } from './chaos-arguments';
import { startDrive } from './drive';
import { makePlan } from './fault-plan';
import type { Arsenal } from './arsenal';
import { gatewayAt } from './gateway';
import { gatherEvidence } from './gather-evidence';
import { makeMenu } from './menu';
import { prepareVersion } from '../testbed/prepare-version';
import {
  GATEWAY_CALLER,
  INSTANCES,
  meshConsumers,
  meshServices,
  RETRY_LABELS,
  startChaosMesh,
  type ChaosMesh,
} from './mesh';
import { pause } from './pause';
import { printPlan, printScorecard } from './print-scorecard';
import { seededRandom } from '../testbed/random';
import { openRunFolder, reportFile } from '../testbed/run-folder';
import { makeScorecard, progressLine, type Scorecard } from './scorecard';
import { startStranger } from './stranger';
import { startWatch } from './watch';
import { startWebhookReceiver } from './webhook-receiver';

const PROGRESS_MS = 5_000;
/** Between servers that come back, clients with their last words and the plan's end, nothing takes longer. */
const LAST_HEALING_MS = 90_000;
/** After Ctrl-C faults are healed at once; what needs a server to come back goes down with it. */
const HURRIED_HEALING_MS = 3_000;

/**
 * A whole run: a mesh of its own, orders, faults, and what is left of all promises afterwards.
 * @returns whether nothing was found wrong
 */
export async function runChaos(given: ChaosArguments, control: Control): Promise<boolean> {
  const folder = await openRunFolder();
  let mesh: ChaosMesh | undefined;
  let passed = false;
  try {
    const older = given.beside && (await prepareVersion(given.beside, control.say));
    mesh = await startChaosMesh(folder, control, seededRandom(given.seed + 3), older || undefined);
    const card = await breakThings(given, control, mesh);
    passed = card.passed;
    const file = reportFile(given.seed);
    writeFileSync(file, `${JSON.stringify(card, null, 2)}\n`);
    console.log(`${printScorecard(card)}\nReport: ${file}`);
  } finally {
    await mesh?.stop(!passed || control.stopping.aborted);
    const keep = (given.keep || !passed) && !control.stopping.aborted;
    if (keep) control.say(`data and logs are kept in ${folder.folder}`);
    else folder.remove();
  }
  return passed;
}

async function breakThings(given: ChaosArguments, control: Control, mesh: ChaosMesh): Promise<Scorecard> {
  const { servers, processes } = mesh;
  const consumers = meshConsumers();
  const instances = Object.fromEntries(meshServices().map((service) => [service, INSTANCES]));
  const plan = makePlan({
    ...given,
    instances,
    consumers,
    gatewayCaller: GATEWAY_CALLER,
    gateway: mesh.gateway.name,
    retryLabels: RETRY_LABELS,
  });
  control.say(`the plan of seed ${given.seed}:\n${printPlan(plan)}`);

  const client = createApiClient(
    processes.filter(({ service }) => service === 'order-api').map(({ url }) => url),
  );
  const stranger = await startStranger(servers.rabbitmq.url);
  const receiver = await startWebhookReceiver(seededRandom(given.seed + 4));
  const watch = startWatch(servers.postgres.url, processes);
  try {
    const menu = await makeMenu(client);
    const endpoints = await addWebhooks(client, receiver, menu);
    const arsenal: Arsenal = {
      processes,
      servers,
      logins: mesh.logins,
      broker: mesh.broker,
      gateway: gatewayAt(mesh.gateway.url),
      stranger,
      random: seededRandom(given.seed + 1),
      relayOwner: () => mesh.heard.relayOwner(),
      poison: [],
      deletedQueues: [],
      tampered: { duplicated: 0, reordered: 0 },
      signal: control.stopping,
    };
    const startedAt = Date.now();
    const { inflicted, leftOut, done } = carryOut(plan, arsenal, {
      brutal: given.brutal,
      untilMs: given.minutes * 60_000,
      onFault: ({ kind, target }) =>
        control.say(`${Math.round((Date.now() - startedAt) / 1000)} s: ${kind} ${target}`),
    });
    const drive = startDrive({
      client,
      menu,
      random: seededRandom(given.seed + 2),
      rate: given.rate,
      durationMs: given.minutes * 60_000,
      signal: control.stopping,
    });
    const progress = setInterval(
      () =>
        control.say(progressLine(Date.now() - startedAt, drive, inflicted.length, watch.latest()?.backlog)),
      PROGRESS_MS,
    );
    try {
      await drive.done;
      await Promise.race([done, pause(LAST_HEALING_MS, control.stopping)]);
    } finally {
      clearInterval(progress);
      if (control.stopping.aborted) await Promise.race([done, pause(HURRIED_HEALING_MS, control.hurrying)]);
    }
    control.stopping.throwIfAborted();
    const evidence = await gatherEvidence({
      given,
      control,
      mesh,
      arsenal,
      drive,
      menu,
      hooks: { receiver, endpoints },
      watch,
      consumers,
      inflicted,
      leftOut,
      startedAt,
    });
    return makeScorecard(evidence);
  } finally {
    client.close();
    await watch.stop();
    await receiver.stop();
    await stranger.stop().catch((error: unknown) => control.say(messageOf(error)));
  }
}
