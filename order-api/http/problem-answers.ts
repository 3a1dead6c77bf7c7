import type { ResponseConfig } from '@asteasolutions/zod-to-openapi';
import { z } from 'zod';
import { problemsOf, type DocumentedProblem } from './documented-problems';
import { exampleOfProblem, problemUrn, type ProblemType } from './problem-types';
import type { Route } from './route';

// Problems as OpenAPI has them.

const retryAfter = z.object({ 'Retry-After': z.string().meta({ description: 'Seconds', example: '1' }) });
const challenge = z.object({ 'WWW-Authenticate': z.string().meta({ example: 'Bearer realm="ordermesh"' }) });
const PROBLEM_HEADERS: Record<number, z.ZodObject> = {
  401: challenge,
  403: challenge,
  429: retryAfter,
  503: retryAfter,
};

/** A problem of some types: which, and an example of each. The list is open, as that of a route's problems may grow. */
export const problemAnswer = ({ description, types }: DocumentedProblem, status: number): ResponseConfig => ({
  description,
  headers: PROBLEM_HEADERS[status],
  content: {
    'application/problem+json': {
      schema: {
        allOf: [
          { $ref: '#/components/schemas/Problem' },
          {
            type: 'object',
            properties: {
              type: {
                type: 'string',
                'x-extensible-enum': types.map((type) => (type ? problemUrn(type) : 'about:blank')),
              },
              status: { const: status },
            },
          },
        ],
      },
      examples: Object.fromEntries(
        types.map((type) => [
          type ?? 'about:blank',
          { $ref: `#/components/examples/${exampleName(type, status)}` },
        ]),
      ),
    },
  },
});

const exampleName = (type: ProblemType | undefined, status: number) => type ?? `status-${status}`;

/** An example of every problem that a route may answer, by the name under which the document has it. */
export const problemExamples = (routes: readonly Route[], instance: string): Map<string, object> =>
  new Map(
    routes.flatMap((route) =>
      Object.entries(problemsOf(route)).flatMap(([status, { types }]) =>
        types.map((type): [string, object] => [
          exampleName(type, Number(status)),
          exampleOfProblem(type, Number(status), instance),
        ]),
      ),
    ),
  );
