import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { languages, type Language } from '../../notification-service/mail/in-words';
import { mailKinds, type MailKind } from '../../notification-service/mail/mail-kinds';
import { renderMail } from '../../notification-service/mail/render-mail';
import { sampleMails } from '../../notification-service/mail/sample-mails';
import { checkout, inLocal } from '../../scripts/servers/checkout';
import { isOptionalMail } from '../../shared/mail/optional-mails';
import { takePicture } from './take-picture';

const OPT_OUT_URL = 'https://api.shop.example/unsubscribe/…';

/** Writes every mail in every language, as it would be sent, or a picture of each. @returns the exit code */
export async function preview(
  { to, pictures }: { to: string | undefined; pictures: boolean },
  { say }: { say: (text: string) => void },
): Promise<number> {
  const folder = path.resolve(to ?? (pictures ? path.join(checkout, 'docs', 'images') : inLocal('mails')));
  const pages = pictures ? await mkdtemp(path.join(tmpdir(), 'mails-')) : folder;
  await mkdir(folder, { recursive: true });
  try {
    const names = await writeAll(pages);
    if (pictures)
      for (const name of names)
        await takePicture(path.join(pages, `${name}.html`), path.join(folder, `${name}.png`));
    say(`${names.length} mails in ${folder}, ${pictures ? 'as pictures' : 'each as HTML and text'}.`);
    return 0;
  } finally {
    if (pictures) await rm(pages, { recursive: true });
  }
}

async function writeAll(folder: string): Promise<string[]> {
  const names: string[] = [];
  for (const language of languages)
    for (const kind of Object.keys(mailKinds) as MailKind[]) names.push(await write(folder, language, kind));
  return names;
}

async function write(folder: string, language: Language, kind: MailKind): Promise<string> {
  const { data, gathered } = sampleMails(language)[kind];
  const mail = renderMail(data, { gathered, optOutUrl: isOptionalMail(kind) ? OPT_OUT_URL : undefined });
  const name = `mail-${kind}-${language}`;
  await writeFile(path.join(folder, `${name}.html`), mail.html);
  await writeFile(path.join(folder, `${name}.txt`), `Subject: ${mail.subject}\n\n${mail.text}`);
  return name;
}
