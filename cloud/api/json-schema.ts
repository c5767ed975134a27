import type { GenericSchema } from 'valibot';
import { EdgeError } from '#protocol/errors.js';

/** A JSON Schema (draft 2020-12, as OpenAPI 3.1 has it), as far as this interface needs it. */
export type JsonSchema = Readonly<Record<string, unknown>>;

/**
 * Converts the valibot schemas of this interface. A hundred lines instead of a package: the set of
 * schemas is ours, and one that is not converted faithfully fails here, not at a client.
 */
export function jsonSchema(schema: GenericSchema): JsonSchema {
  const node = schema as unknown as SchemaNode;
  if (node.pipe === undefined) return base(node);
  return node.pipe
    .slice(1)
    .reduce<JsonSchema>((made, action) => ({ ...made, ...refinement(action) }), base(node));
}

interface SchemaNode {
  readonly type: string;
  readonly pipe?: readonly ActionNode[];
  readonly entries?: Readonly<Record<string, GenericSchema>>;
  readonly item?: GenericSchema;
  readonly options?: readonly unknown[];
  readonly literal?: unknown;
  readonly wrapped?: GenericSchema;
}

interface ActionNode {
  readonly type: string;
  readonly requirement?: unknown;
  readonly description?: string;
}

function base(node: SchemaNode): JsonSchema {
  switch (node.type) {
    case 'string':
    case 'number':
    case 'boolean':
    case 'null':
      return { type: node.type };
    case 'unknown':
      return {};
    case 'literal':
      return { const: node.literal };
    case 'picklist':
      return { type: 'string', enum: node.options };
    case 'array':
      return { type: 'array', items: jsonSchema(known(node.item, node)) };
    case 'variant':
    case 'union':
      return { anyOf: (node.options as readonly GenericSchema[]).map(jsonSchema) };
    case 'object':
    case 'strict_object':
      return objectSchema(node);
    default:
      throw unsupported(node.type);
  }
}

function objectSchema(node: SchemaNode): JsonSchema {
  const entries = Object.entries(known(node.entries, node));
  const isOptional = (schema: GenericSchema): boolean =>
    schema.type === 'optional' || schema.type === 'exact_optional';
  return {
    type: 'object',
    properties: Object.fromEntries(
      entries.map(([name, schema]) => [
        name,
        jsonSchema(isOptional(schema) ? known((schema as SchemaNode).wrapped, node) : schema),
      ]),
    ),
    required: entries.filter(([, schema]) => !isOptional(schema)).map(([name]) => name),
    ...(node.type === 'strict_object' ? { additionalProperties: false } : {}),
  };
}

function refinement(action: ActionNode): JsonSchema {
  switch (action.type) {
    case 'description':
      return { description: action.description };
    case 'min_length':
      return { minLength: action.requirement };
    case 'max_length':
      return { maxLength: action.requirement };
    case 'min_value':
      return { minimum: action.requirement };
    case 'max_value':
      return { maximum: action.requirement };
    case 'integer':
      return { type: 'integer' };
    case 'regex':
      return { pattern: (action.requirement as RegExp).source };
    default:
      throw unsupported(action.type);
  }
}

function known<T>(part: T | undefined, node: SchemaNode): T {
  if (part === undefined) throw unsupported(node.type);
  return part;
}

function unsupported(type: string): EdgeError {
  return new EdgeError('EDGE_INTERNAL', `a schema of type ${type} has no JSON Schema here`);
}
