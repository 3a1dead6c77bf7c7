import { createRequire } from 'node:module';

// A process of its own: MailDev, which takes mails and shows them. It ends with the supervisor that started it, however
// that ends.

interface MailDevOptions {
  smtp: number;
  web: number;
  ip: string;
  webIp: string;
  mailDirectory: string;
  silent: boolean;
}

const startMailDev = createRequire(__filename)('maildev') as (options: MailDevOptions) => {
  on(event: 'error', listener: (error: Error) => void): void;
  listen(listening: (error?: Error) => void): void;
};

process.on('disconnect', () => process.exit(0));
const { MAILDEV_SMTP_PORT, MAILDEV_WEB_PORT, MAILDEV_FOLDER } = process.env;
const mailDev = startMailDev({
  smtp: Number(MAILDEV_SMTP_PORT),
  web: Number(MAILDEV_WEB_PORT),
  ip: '127.0.0.1',
  webIp: '127.0.0.1',
  mailDirectory: String(MAILDEV_FOLDER),
  silent: true,
});
const end = (error?: Error) => {
  if (!error) return;
  console.error(error);
  process.exit(1);
};
mailDev.on('error', end);
mailDev.listen(end);
