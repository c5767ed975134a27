import type { JsonSchema } from './json-schema.js';

/**
 * What is wrong with `value` by a schema of this interface's own document, as `path: rule` lines;
 * empty when it conforms. Knows the keywords that json-schema.ts writes, no others.
 */
export function schemaBreaches(
  document: JsonSchema,
  schema: JsonSchema,
  value: unknown,
  path = '$',
): string[] {
  const { $ref, anyOf } = schema as { $ref?: string; anyOf?: readonly JsonSchema[] };
  if ($ref !== undefined) return schemaBreaches(document, resolve(document, $ref), value, path);
  if (anyOf !== undefined) {
    const fits = anyOf.some((one) => schemaBreaches(document, one, value, path).length === 0);
    return fits ? [] : [`${path}: none of the alternatives`];
  }
  const breaches = Object.entries(KEYWORDS).flatMap(([keyword, holds]) =>
    !(keyword in schema) || holds(value, schema[keyword]) ? [] : [`${path}: ${keyword}`],
  );
  return [...breaches, ...childBreaches(document, schema, value, path)];
}

/** The schema that the document promises for an answer; undefined when it promises none. */
export function answerSchema(
  document: JsonSchema,
  method: string,
  path: string,
  status: number,
  mediaType: string,
): JsonSchema | undefined {
  const operation = at(document, ['paths', path, method.toLowerCase(), 'responses']);
  const response = at(operation, [String(status)]) ?? at(operation, ['default']);
  return at(response, ['content', mediaType, 'schema']) as JsonSchema | undefined;
}

const KEYWORDS: Readonly<Record<string, (value: unknown, rule: unknown) => boolean>> = {
  type: (value, rule) =>
    typeOf(value) === rule || (rule === 'number' && typeOf(value) === 'integer'),
  enum: (value, rule) => (rule as readonly unknown[]).includes(value),
  const: (value, rule) => value === rule,
  pattern: (value, rule) => typeof value !== 'string' || new RegExp(rule as string).test(value),
  minLength: (value, rule) => typeof value !== 'string' || value.length >= (rule as number),
  maxLength: (value, rule) => typeof value !== 'string' || value.length <= (rule as number),
  minimum: (value, rule) => typeof value !== 'number' || value >= (rule as number),
  maximum: (value, rule) => typeof value !== 'number' || value <= (rule as number),
  required: (value, rule) =>
    !isMap(value) || (rule as readonly string[]).every((name) => Object.hasOwn(value, name)),
};

function childBreaches(
  document: JsonSchema,
  schema: JsonSchema,
  value: unknown,
  path: string,
): string[] {
  if (Array.isArray(value) && 'items' in schema) {
    const items = schema['items'] as JsonSchema;
    return value.flatMap((item, index) =>
      schemaBreaches(document, items, item, `${path}[${index}]`),
    );
  }
  if (!isMap(value) || !('properties' in schema)) return [];
  const properties = schema['properties'] as Readonly<Record<string, JsonSchema>>;
  return Object.entries(value).flatMap(([name, child]) => {
    const inner = properties[name];
    if (inner !== undefined) return schemaBreaches(document, inner, child, `${path}.${name}`);
    return schema['additionalProperties'] === false ? [`${path}.${name}: not in the schema`] : [];
  });
}

function typeOf(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'array';
  return Number.isInteger(value) ? 'integer' : typeof value;
}

function resolve(document: JsonSchema, reference: string): JsonSchema {
  return at(document, reference.replace(/^#\//, '').split('/')) as JsonSchema;
}

function at(from: unknown, path: readonly string[]): unknown {
  return path.reduce<unknown>((part, key) => (isMap(part) ? part[key] : undefined), from);
}

function isMap(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
