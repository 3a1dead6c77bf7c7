import { existsSync, mkdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { checkout, inLocal } from '../servers/checkout';
import { freePort } from '../servers/free-port';
import { SupervisedService } from './supervised-service';

const SMTP_PORT = 1025;
const WEB_PORT = 1080;
const STOP_MS = 2_000;
/** What is kept of mails besides in its memory. */
const FOLDER = () => inLocal('maildev');

/** Where the mails of this mesh go. */
export interface MailBox {
  /** For notification-service; undefined where there is no mail. */
  smtpUrl: string | undefined;
  /** The page that shows the mails. */
  webUrl: string | undefined;
  stop(): Promise<void>;
}

const none: MailBox = { smtpUrl: undefined, webUrl: undefined, stop: async () => undefined };

/** Starts MailDev, unless SMTP_URL names a mail server. It is for development, and so is not there in every install. */
export async function startMailBox(say: (line: string) => void): Promise<MailBox> {
  if (process.env.SMTP_URL) return none;
  if (!existsSync(path.join(checkout, 'node_modules', 'maildev'))) {
    say('no mails are sent: MailDev is not installed, and SMTP_URL is not set');
    return none;
  }
  const [smtp, web] = [await freePort(SMTP_PORT, 'maildev'), await freePort(WEB_PORT, 'maildev page')];
  rmSync(FOLDER(), { recursive: true, force: true });
  mkdirSync(FOLDER(), { recursive: true, mode: 0o700 });
  const { PATH } = process.env;
  const maildev = new SupervisedService({
    name: 'maildev',
    main: path.join(__dirname, 'maildev-process.js'),
    env: () => ({ PATH, MAILDEV_SMTP_PORT: `${smtp}`, MAILDEV_WEB_PORT: `${web}`, MAILDEV_FOLDER: FOLDER() }),
    write: () => undefined,
    writeError: () => undefined,
    say,
    onStarted: () => undefined,
  });
  maildev.start();
  return {
    smtpUrl: `smtp://127.0.0.1:${smtp}`,
    webUrl: `http://127.0.0.1:${web}`,
    stop: () => maildev.stop(STOP_MS),
  };
}

/** What notification-service is given to send mails; what the user's environment sets comes first. */
export const mailEnvironment = (mail: MailBox, apiUrl: string): Record<string, string> => ({
  ...(mail.smtpUrl && { SMTP_URL: mail.smtpUrl }),
  PUBLIC_API_URL: process.env.PUBLIC_API_URL || apiUrl,
});
