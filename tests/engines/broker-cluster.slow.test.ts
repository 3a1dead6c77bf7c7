import { startMesh, type Mesh } from '../../shared/testing/mesh';
import { startBrokerCluster, type BrokerCluster } from '../own-broker-cluster';
import { audit, placeOrders } from '../flowing-orders';

// Three nodes; the one that leads the queues is killed, another is cut off, and orders flow.

let cluster: BrokerCluster | undefined;
let mesh: Mesh;
let addresses = '';

describe('RabbitMQ on three nodes', () => {
  beforeAll(async () => {
    cluster = await startBrokerCluster();
    if (!cluster) return;
    const [first] = cluster.nodes;
    mesh = await startMesh({
      broker: first!,
      rabbitmqUrl: async (url) => {
        const { username, password, pathname } = new URL(url);
        const hosts = cluster!.nodes.map(({ amqp }) => new URL(amqp).host).join(',');
        return (addresses = `amqp://${username}:${password}@${hosts}${pathname}`);
      },
    });
  }, 240_000);

  afterAll(async () => {
    await mesh?.stop();
    await cluster?.stop();
  }, 60_000);

  test('orders go on while the node that leads is killed, and while one is cut off', async () => {
    if (!cluster) return;
    const vhost = new URL(mesh.broker.url).pathname.slice(1);
    const { restaurantId, itemId } = await mesh.addItem(100_000);
    const orders = placeOrders(mesh, restaurantId, itemId);
    try {
      await orders.flows();

      const leader = await cluster.leaderOf(vhost, 'inventory-service');
      leader.kill();
      await orders.flows();
      expect((await cluster.leaderOf(vhost, 'inventory-service')).name).not.toBe(leader.name);
      await leader.startAgain();
      await cluster.whole();
      await orders.flows();

      // Now one that leads and serves clients: they have to find the others.
      const cutOff = await cluster.leaderOf(vhost, 'inventory-service');
      await cutOff.partition();
      await orders.flows();
      expect((await cluster.leaderOf(vhost, 'inventory-service')).name).not.toBe(cutOff.name);
      await cutOff.heal();
      await cluster.whole();
      await orders.flows();
    } finally {
      await orders.stop();
    }
    // To take an order needs no broker.
    expect(orders.failures).toEqual([]);
    await mesh.quiet();
    const { accepted } = orders;
    const prepared = await mesh.db.database.order.count({ where: { status: 'PREPARING' } });
    expect([prepared, new Set(accepted).size]).toEqual([accepted.length, accepted.length]);
    expect(await mesh.available(itemId)).toBe(100_000 - accepted.length);
    await audit(mesh.db.url, addresses);
    console.log(`${accepted.length} orders over a killed and a cut-off node`);
  }, 240_000);
});
