const ENTITIES: Record<string, string> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** Text as it stands in HTML, in an element or a quoted attribute. */
export const escapeHtml = (text: string): string => text.replace(/[&<>"']/g, (one) => ENTITIES[one] ?? one);

/** A sentence in which names are in backticks. */
export const withCode = (text: string): string => escapeHtml(text).replace(/`([^`]+)`/g, '<code>$1</code>');

export const codeBlock = (value: unknown): string =>
  `<pre><code>${escapeHtml(JSON.stringify(value, null, 2))}</code></pre>`;

/** Where the pages' style is served. */
export const PAGE_STYLE = '/docs/page.css';

/** A page to read: no script, and its style from this server, so that the strictest content security policy lets it be. */
export const htmlPage = (title: string, body: string): string => `<!doctype html>
<html lang="en">
<head>
  <meta charset="utf-8"><title>${escapeHtml(title)}</title>
  <meta name="viewport" content="width=device-width, initial-scale=1">
  <link rel="stylesheet" href="${PAGE_STYLE}"><link rel="icon" href="/docs/favicon-32x32.png">
</head>
<body>
${body}
</body>
</html>`;

export const PAGE_CSS = `
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; overflow-wrap: anywhere; }
h2 { margin-top: 2.5rem; border-top: 1px solid #8884; padding-top: 1rem; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; vertical-align: top; padding: .3rem .6rem .3rem 0; border-bottom: 1px solid #8884; }
pre { background: #8881; padding: 1rem; overflow-x: auto; border-radius: 4px; }
code { font: 14px/1.45 ui-monospace, monospace; }
dt { font-weight: 600; margin-top: .8rem; } dd { margin-left: 0; }
`;
