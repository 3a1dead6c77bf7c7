import { Router, type RequestHandler } from 'express';
import type { Database } from '../../shared/service/database';
import { EVERY_OPTIONAL_MAIL, isOptionalMail, optionalMails } from '../../shared/mail/optional-mails';
import { openOptOut, OPT_OUT_PATH, optOutKey, type OptOutSubject } from '../../shared/mail/opt-out-link';
import { formPage } from '../http/browsers';
import { escapeHtml, htmlPage } from '../http/html';
import { notFound } from '../http/problem';
import { otherMethods } from '../http/serve-routes';
import { optIn, optOut } from './opt-outs';

/**
 * `/unsubscribe/{token}`: where the links in mails lead. GET only shows what can be done, because programs follow links
 * too; POST does it, from the page or by a mail client's own button (RFC 8058), whatever its body says.
 */
export function serveOptOuts(database: Database): Router {
  const router = Router({ caseSensitive: true });
  const key = optOutKey(database);
  const one = `${OPT_OUT_PATH}/:token`;

  const subject = async (token: unknown): Promise<OptOutSubject> => {
    const found = openOptOut(await key(), String(token));
    if (!found) throw notFound('This link is not one of ours, or not all of it was copied.');
    return found;
  };
  const done =
    (does: (about: OptOutSubject) => Promise<string>): RequestHandler =>
    async (request, response) => {
      const about = await subject(request.params.token);
      response.type('html').send(donePage(about, await does(about)));
    };

  router.use(OPT_OUT_PATH, formPage, (_request, response, next) => {
    response.set('cache-control', 'no-store').set('referrer-policy', 'no-referrer');
    next();
  });
  router.get(one, async (request, response) => {
    response.type('html').send(askPage(await subject(request.params.token), String(request.params.token)));
  });
  router.post(
    one,
    done(async ({ address, kind }) => {
      await optOut(database, address, kind);
      return `We no longer send mails that say ${said(kind)} to`;
    }),
  );
  router.post(
    `${one}/all`,
    done(async ({ address }) => {
      await optOut(database, address, EVERY_OPTIONAL_MAIL);
      return 'We send only mails about money and cancellations to';
    }),
  );
  router.post(
    `${one}/undo`,
    done(async ({ address, kind }) => {
      await optIn(database, address, kind);
      return `We send mails that say ${said(kind)} again to`;
    }),
  );
  router.all(one, otherMethods(['GET', 'POST']));
  router.all([`${one}/all`, `${one}/undo`], otherMethods(['POST']));
  return router;
}

const said = (kind: string) => (isOptionalMail(kind) ? optionalMails[kind] : 'this');

const button = (action: string, text: string) =>
  `<form method="post" action="${action}"><p><button>${escapeHtml(text)}</button></p></form>`;

function askPage({ address, kind }: OptOutSubject, token: string): string {
  const path = `${OPT_OUT_PATH}/${token}`;
  return htmlPage(
    'Mails',
    `<h1>Mails to ${escapeHtml(address)}</h1>
${button(path, `No mails that say ${said(kind)}`)}
${button(`${path}/all`, 'Only mails about money and cancellations')}
${button(`${path}/undo`, `Send mails that say ${said(kind)}`)}
<p>Mails about money and cancellations are always sent.</p>`,
  );
}

const donePage = ({ address }: OptOutSubject, sentence: string): string =>
  htmlPage('Mails', `<h1>Done</h1>\n<p>${escapeHtml(`${sentence} ${address}.`)}</p>`);
