import path from 'node:path';
import { Router, static as serveFiles, type RequestHandler } from 'express';
import { page } from './browsers';
import { PAGE_CSS, PAGE_STYLE } from './html';
import { otherMethods } from './serve-routes';

// Its folder and not its code: that is a web page's, and forty megabytes once loaded.
const SWAGGER_UI = path.dirname(require.resolve('swagger-ui-dist/package.json'));

const PAGE = `<!doctype html>
<html lang="en">
<head>
  <meta charset="utf-8"><title>Ordermesh API</title>
  <link rel="stylesheet" href="/docs/swagger-ui.css">
  <link rel="icon" href="/docs/favicon-32x32.png">
</head>
<body>
  <div id="swagger-ui"></div>
  <script src="/docs/swagger-ui-bundle.js"></script>
  <script src="/docs/start.js"></script>
</body>
</html>`;

// A file of its own: a strict content security policy runs no script that stands in the page.
const START =
  "SwaggerUIBundle({ url: '/openapi.json', dom_id: '#swagger-ui', deepLinking: true, validatorUrl: null });";

/** `/docs`: Swagger UI over `/openapi.json`, all of it from this server. */
export function serveDocs(document: () => Promise<object>): Router {
  const router = Router({ caseSensitive: true });
  router.all(['/openapi.json', '/docs', '/docs/*path'], onlyGet);
  router.get('/openapi.json', async (_request, response) => void response.json(await document()));
  // The package's own index.html shows a demo of somebody else's server.
  router.get(['/docs', '/docs/index.html'], page(PAGE));
  router.get('/docs/start.js', (_request, response) => void response.type('js').send(START));
  router.get(PAGE_STYLE, (_request, response) => void response.type('css').send(PAGE_CSS));
  router.use('/docs', serveFiles(SWAGGER_UI, { index: false, redirect: false }));
  return router;
}

const LINKS = {
  docs: '/docs',
  openapi: '/openapi.json',
  events: '/docs/events',
  asyncapi: '/asyncapi.json',
  problems: '/problems',
  orders: '/api/v1/orders',
  restaurants: '/api/v1/restaurants',
  ready: '/readyz',
  health: '/healthz',
};

/** `/`: where to go from here, as a page for browsers and as JSON for programs. */
export function serveIndex(): Router {
  const router = Router({ caseSensitive: true });
  const items = Object.entries(LINKS).map(([name, path]) => `<li><a href="${path}">${path}</a> ${name}</li>`);
  const html = page(`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Ordermesh</title></head>
<body><h1>Ordermesh</h1><ul>${items.join('')}</ul></body></html>`);
  router.all('/', onlyGet);
  router.get(
    '/',
    (request, response, next) => {
      if (request.accepts(['json', 'html']) === 'html') next();
      else response.json({ name: 'Ordermesh', links: LINKS });
    },
    ...html,
  );
  return router;
}

const otherThanGet = otherMethods(['GET']);
/** Answers 405 to all but GET and HEAD. */
export const onlyGet: RequestHandler = (request, response, next) =>
  request.method === 'GET' || request.method === 'HEAD' ? next() : otherThanGet(request, response, next);
