import { Router } from 'express';
import { codeBlock, escapeHtml, htmlPage, withCode } from './html';
import { readingPage } from './browsers';
import { onlyGet } from './docs';
import { notFound } from './problem';
import {
  exampleOfProblem,
  isProblemType,
  problemKind,
  problemNames,
  problemPage,
  problemUrn,
  type ProblemType,
} from './problem-types';

/** What is to be known of a problem type, for programs; the page says the same. */
const describe = (type: ProblemType) => {
  const { title, status, meaning, remedy } = problemKind(type);
  const example = exampleOfProblem(type, status, '/api/v1/orders');
  return { type: problemUrn(type), name: type, title, status, meaning, remedy, example };
};

function pageOf(type: ProblemType): string {
  const { title, status, meaning, remedy, example } = describe(type);
  return htmlPage(
    `${type}: ${title}`,
    `<p><a href="/problems">Problems</a></p>
<h1>${escapeHtml(title)}</h1>
<p><code>${problemUrn(type)}</code>, HTTP ${status}</p>
<dl><dt>What it means</dt><dd>${withCode(meaning)}</dd><dt>What to do</dt><dd>${withCode(remedy)}</dd></dl>
<h2>An answer</h2>
${codeBlock(example)}`,
  );
}

const LIST = htmlPage(
  'Problems',
  `<h1>Problems</h1>
<p>Errors are <code>application/problem+json</code> (RFC 9457). A problem with the type <code>about:blank</code> is what
its status says, and <code>detail</code> why. The others:</p>
<table><tr><th>Type</th><th>Status</th><th></th></tr>
${problemNames
  .map(
    (type) =>
      `<tr><td><a href="${problemPage(type)}"><code>${type}</code></a></td><td>${problemKind(type).status}</td><td>${escapeHtml(problemKind(type).title)}</td></tr>`,
  )
  .join('\n')}
</table>`,
);

/** `/problems` and `/problems/{type}`: what the problems are, what to do, an example; pages, or JSON for who asks for it. */
export function serveProblems(): Router {
  const router = Router({ caseSensitive: true });
  router.all(['/problems', '/problems/:type'], onlyGet, readingPage);
  router.get('/problems', (request, response) => {
    response.vary('Accept');
    if (request.accepts(['html', 'json']) === 'json') response.json({ problems: problemNames.map(describe) });
    else response.type('html').send(LIST);
  });
  router.get('/problems/:type', (request, response) => {
    const { type } = request.params;
    if (!isProblemType(type)) throw notFound('There is no such problem type; /problems lists what there is.');
    response.vary('Accept');
    if (request.accepts(['html', 'json']) === 'json') response.json(describe(type));
    else response.type('html').send(pageOf(type));
  });
  return router;
}
