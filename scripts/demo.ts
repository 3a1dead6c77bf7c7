import { runMain } from './run-main';
import { UserError } from './servers/search';
import { tryIt } from './supervisor/banner';
import { findOrderable, offerDemoMenu } from './supervisor/demo-menu';
import { readMeshFile } from './supervisor/mesh-file';

const usage = `npm run demo      adds a demo menu, two orders, two drafts and a stock adjustment,
                  if the shop has no restaurant yet

It uses the API at API_URL, or that of the mesh that runs from this checkout.`;

// Everything goes through the REST API, as a client would do it.
runMain(async () => {
  const args = process.argv.slice(2);
  if (args.length > 0) return showUsage(args);
  const apiUrl = findApi();
  console.error(`Working on the API at ${apiUrl}`);
  if (!(await offerDemoMenu(apiUrl, (line) => console.log(line))))
    console.log('The shop has a restaurant already: nothing was added.');
  const orderable = await findOrderable(apiUrl);
  if (orderable)
    console.log(`\n  restaurant_id  ${orderable.restaurantId}\n  menu_item_id   ${orderable.menuItemId}`);
  // Inside a container, the API has another address than outside, where the commands are run.
  const publicUrl = trimmed(process.env.PUBLIC_API_URL) ?? apiUrl;
  console.log(
    ['', ...tryIt(publicUrl, orderable), '', `  The API's documentation: ${publicUrl}/docs`].join('\n'),
  );
  return 0;
});

function showUsage(args: string[]): number {
  const asked = args.length === 1 && ['--help', '-h'].includes(args[0] ?? '');
  if (asked) console.log(usage);
  else console.error(`npm run demo takes no arguments.\n\n${usage}`);
  return asked ? 0 : 2;
}

/** @throws {UserError} which says what to set */
function findApi(): string {
  const given = trimmed(process.env.API_URL);
  if (given && !/^https?:\/\/[^/]/.test(given))
    throw new UserError('API_URL must begin with http:// or https://, such as http://127.0.0.1:8000.');
  const url = given ?? readMeshFile()?.api_url;
  if (!url)
    throw new UserError(
      'npm run demo needs an API to work on: set API_URL, or run it while "npm start" runs in this checkout.',
    );
  return url;
}

function trimmed(url: string | undefined): string | undefined {
  return url?.replace(/\/+$/, '') || undefined;
}
