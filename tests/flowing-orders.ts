import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { Mesh } from '../shared/testing/mesh';
import { until } from '../shared/testing/until';

/** Orders that are placed one after the other, by several clients at a time, until they are told to stop. */
export interface FlowingOrders {
  /** Answered 202, in the order of their answers. */
  accepted: string[];
  /** What else was answered, or happened. */
  failures: string[];
  /** Waits until orders that are accepted from now on are prepared. */
  flows(): Promise<void>;
  /** @returns when the last has been answered */
  stop(): Promise<void>;
}

const CLIENTS = 3;
const FLOW = 10;
/** A client that waits for less would load the machine and prove no more. */
const BETWEEN_MS = 20;

export function placeOrders(mesh: Mesh, restaurantId: string, itemId: string): FlowingOrders {
  const accepted: string[] = [];
  const failures: string[] = [];
  let stopped = false;
  const client = async () => {
    while (!stopped) {
      try {
        accepted.push(await mesh.place(restaurantId, itemId));
      } catch (error) {
        failures.push(String(error));
      }
      await new Promise((resolve) => setTimeout(resolve, BETWEEN_MS));
    }
  };
  const clients = Array.from({ length: CLIENTS }, client);
  return {
    accepted,
    failures,
    flows: async () => {
      const from = accepted.length;
      await until('orders to be accepted', () => accepted.length >= from + FLOW, 60_000);
      const ids = accepted.slice(from, from + FLOW);
      await until(
        'what was accepted to be prepared',
        async () => {
          const orders = await mesh.db.database.order.findMany({
            where: { id: { in: ids }, status: 'PREPARING' },
          });
          return orders.length === FLOW;
        },
        90_000,
      );
    },
    stop: async () => {
      stopped = true;
      await Promise.all(clients);
    },
  };
}

/** The audit of everything, as an operator runs it. @throws with its report where a promise is broken */
export async function audit(databaseUrl: string, rabbitmqUrl: string): Promise<string> {
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ['dist/operator/audit.js', '--grace', '1s'],
    {
      env: { PATH: process.env.PATH, DATABASE_URL: databaseUrl, RABBITMQ_URL: rabbitmqUrl },
    },
  ).catch((error: { stdout?: string; stderr?: string }) => {
    throw new Error(`${error.stdout}\n${error.stderr}`);
  });
  return stdout;
}
