import type { GenericSchema } from 'valibot';
import { ERROR_CODES } from '#protocol/errors.js';
import { jsonSchema } from './json-schema.js';
import type { JsonSchema } from './json-schema.js';
import { PROBLEM_MEDIA_TYPE } from '#protocol/problem.js';
import type { AnswerForm, Route } from './route.js';

/** The OpenAPI 3.1 document of these very routes. */
export function openApiDocument(routes: readonly Route[], version: string): JsonSchema {
  const paths = new Map<string, Record<string, JsonSchema>>();
  for (const route of routes) {
    const operations = paths.get(route.path) ?? {};
    operations[route.method.toLowerCase()] = operation(route);
    paths.set(route.path, operations);
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'edgetwin hub',
      version,
      description: 'Nodes, DeviceTwins, desired values and live watch.',
    },
    paths: Object.fromEntries(paths),
    components: {
      securitySchemes: { token: { type: 'http', scheme: 'bearer' } },
      schemas: { Problem: PROBLEM_SCHEMA },
    },
  };
}

const PROBLEM_SCHEMA: JsonSchema = {
  type: 'object',
  description: 'RFC 9457; docs/errors.md has a section for each code.',
  properties: {
    type: { type: 'string' },
    title: { type: 'string' },
    status: { type: 'integer' },
    detail: { type: 'string' },
    code: { enum: Object.keys(ERROR_CODES) },
    hint: { type: 'string' },
    issues: {
      type: 'array',
      description: 'All that is wrong with a document.',
      items: {
        type: 'object',
        properties: {
          key: { type: 'string' },
          message: { type: 'string' },
          suggestion: { type: 'string' },
          hint: { type: 'string' },
        },
        required: ['key', 'message'],
        additionalProperties: false,
      },
    },
  },
  required: ['type', 'title', 'status', 'detail', 'code'],
  additionalProperties: false,
};

function operation(route: Route): JsonSchema {
  const { body, access } = route;
  return {
    summary: route.summary,
    ...(access === 'open' || access === 'local'
      ? {}
      : { description: `For the role ${access} and above.` }),
    security: access === 'open' ? [] : access === 'local' ? [{}, { token: [] }] : [{ token: [] }],
    parameters: [...pathParameters(route.path), ...queryParameters(route.query), ...headers(route)],
    ...(body === undefined
      ? {}
      : { requestBody: { required: true, content: json(jsonSchema(body)) } }),
    responses: {
      ...Object.fromEntries(route.answers.map((answer) => [String(answer.status), form(answer)])),
      default: {
        description: 'A problem.',
        content: { [PROBLEM_MEDIA_TYPE]: { schema: { $ref: '#/components/schemas/Problem' } } },
      },
    },
  };
}

function pathParameters(path: string): JsonSchema[] {
  return [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => ({
    name,
    in: 'path',
    required: true,
    schema: { type: 'string' },
  }));
}

function queryParameters(query: GenericSchema | undefined): JsonSchema[] {
  if (query === undefined) return [];
  const { properties, required } = jsonSchema(query) as unknown as {
    properties: Readonly<Record<string, JsonSchema>>;
    required: readonly string[];
  };
  return Object.entries(properties).map(([name, schema]) => ({
    name,
    in: 'query',
    required: required.includes(name),
    schema,
  }));
}

function headers(route: Route): JsonSchema[] {
  return Object.entries(route.headers).map(([name, description]) => ({
    name,
    in: 'header',
    description,
    schema: { type: 'string' },
  }));
}

function form(answer: AnswerForm): JsonSchema {
  const { summary, schema, mediaType, etag } = answer;
  return {
    description: summary,
    ...(etag === true
      ? {
          headers: {
            ETag: { description: 'The desired version.', schema: { type: 'string' } },
          },
        }
      : {}),
    ...(schema === undefined ? {} : { content: json(jsonSchema(schema)) }),
    ...(mediaType === undefined
      ? {}
      : { content: { [mediaType]: { schema: { type: 'string' } } } }),
  };
}

function json(schema: JsonSchema): JsonSchema {
  return { 'application/json': { schema } };
}
