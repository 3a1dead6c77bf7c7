import { optionalMails } from '../../shared/mail/optional-mails';

export const usage = `Notifications: what was sent to whom, what failed, and who does not want any.

npm run notifications -- list                          the latest; those of the log only with --channel log or --order
npm run notifications -- show <notification id>        everything about one
npm run notifications -- retry <notification id> …     sends again what failed for good; or --failed for all of it
npm run notifications -- opt-out <address> [<kind>]    sends no more mails of this kind to it; without one, of any kind
npm run notifications -- opt-in <address> [<kind>]     sends them again
npm run notifications -- opt-outs <address>            what it has opted out of
npm run notifications -- preview                       every mail in every language, as files to look at

  --channel <name>     list and retry: log, email, slack, webhook
  --status <names>     list: pending, sent, failed, dropped, gathered; several with commas
  --order <id>         list: about this order
  --recipient <text>   list: to this address, or to this webhook's id
  --since <time>       list and retry: made within this time, such as 1h
  --limit <number>     list: so many at most (50)
  --to <folder>        preview: where to (.local/mails; pictures: docs/images)
  --pictures           preview: as pictures, by Chromium, where that is installed
  --json               list, show and opt-outs: for programs

Kinds that can be opted out of: ${Object.keys(optionalMails).join(', ')}.
Mails about money and cancellations are sent to everybody.

It works on DATABASE_URL or, where that is not set, on the mesh that runs from this checkout.
Exit codes: 0 done, 1 failed or not there, 2 usage error.`;
