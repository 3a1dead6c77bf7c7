import pg from 'pg';
import { fillMenus, schema } from './shop.mjs';

// node set-up.mjs <peer> <restaurants> <items>: makes the tables, the peer's own among them; the menus go to standard output.

const [peer, restaurants, items] = process.argv.slice(2);
const client = new pg.Client({ connectionString: process.env.DATABASE_URL });
await client.connect();
await client.query(schema);
const menus = await fillMenus(client, Number(restaurants), Number(items));
const { setUp } = await import(`./${peer}/queue.mjs`);
await setUp();
await client.end();
process.stdout.write(JSON.stringify(menus), () => process.exit(0));
