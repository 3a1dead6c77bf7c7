import { Refused, TryLater } from '../delivery/channel';

interface SmtpError extends Error {
  code?: string;
  command?: string;
  response?: string;
  responseCode?: number;
}

/** Commands of which a permanent refusal (5xx) is about this mail; before them it is about us, such as a login that is wrong. */
const ABOUT_THE_MAIL = /^(RCPT TO|DATA)/;

/**
 * What a failed attempt means: 5xx for this mail cannot be helped, 4xx for it may pass; everything else, such as no
 * connection, no answer, a refused login or sender, is the server's or the configuration's, and others meet it too.
 * https://www.rfc-editor.org/rfc/rfc5321#section-4.2.1
 */
export function judgeMailError(error: unknown): Error {
  const { code, command = '', response, responseCode = 0, message } = error as SmtpError;
  // What a server says of a login may have the password in it.
  if (code === 'EAUTH' && responseCode > 0)
    return new Error(
      `the mail server refuses the login (${responseCode}): check the user and the password, SMTP_URL and SMTP_PASSWORD`,
    );
  const own = code === 'EENVELOPE' || code === 'EMESSAGE';
  if (!own || responseCode === 421) return error as Error;
  // Without a code it is nodemailer's own refusal, unless something was answered that is no SMTP.
  if (responseCode === 0)
    return response || /Connection|closed/i.test(message) ? (error as Error) : new Refused(message);
  if (!ABOUT_THE_MAIL.test(command)) return error as Error;
  return responseCode >= 500 ? new Refused(message) : new TryLater(message);
}
