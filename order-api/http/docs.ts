import path from 'node:path';
import { Router, static as serveFiles } from 'express';

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
  <script>SwaggerUIBundle({ url: '/openapi.json', dom_id: '#swagger-ui', deepLinking: true, validatorUrl: null });</script>
</body>
</html>`;

/** `/docs`: Swagger UI over `/openapi.json`, all of it from this server. */
export function serveDocs(document: object): Router {
  const router = Router();
  router.get('/openapi.json', (_request, response) => void response.json(document));
  // The package's own index.html shows a demo of somebody else's server.
  router.get(['/docs', '/docs/index.html'], (_request, response) => void response.type('html').send(PAGE));
  router.use('/docs', serveFiles(SWAGGER_UI, { index: false, redirect: false }));
  return router;
}
