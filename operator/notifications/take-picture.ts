import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { UserError } from '../../scripts/servers/search';

const run = promisify(execFile);
const BROWSERS = ['chromium', 'chromium-browser', 'google-chrome'];

/** Takes a picture of a page. @throws {UserError} where there is no browser to do it */
export async function takePicture(page: string, picture: string): Promise<void> {
  for (const browser of BROWSERS) {
    try {
      await run(
        browser,
        [
          '--headless',
          '--no-sandbox',
          '--hide-scrollbars',
          '--window-size=600,560',
          `--screenshot=${picture}`,
          `file://${page}`,
        ],
        { timeout: 60_000 },
      );
      return;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
  }
  throw new UserError(
    'Pictures are taken by Chromium, which is not installed. On Debian: apt-get install chromium',
  );
}
