import { didYouMean } from './did-you-mean.js';
import { EdgeError } from './errors.js';

/** Leads from a document to one of its keys. */
export type Path = readonly (string | number)[];

export interface ShapeIssue {
  readonly path: Path;
  readonly message: string;
  /** The key that an unknown one was probably meant to be. */
  readonly suggestion?: string;
  /** The path's last key is not in the schema. */
  readonly unknownKey?: true;
}

/**
 * A schema as a validation library offers it: the Standard Schema interface for the check, and
 * the fields by which valibot describes itself, for the search of unknown keys.
 */
export interface Shape<T> {
  readonly '~standard': { validate(value: unknown): Checked<T> | Promise<Checked<T>> };
}

type Checked<T> = { readonly value: T; readonly issues?: undefined } | { readonly issues: Faults };
type Faults = readonly Fault[];

interface Fault {
  readonly message: string;
  readonly path?: readonly unknown[] | undefined;
  readonly kind?: string;
  readonly received?: string;
}

/**
 * Checks a value against a schema and reports every issue, not only the first. Keys that no
 * schema object has are reported and left out; a key that holds null counts as absent, as in
 * Kubernetes. `output` is missing when anything but an unknown key is wrong.
 */
export function checkShape<T>(
  shape: Shape<T>,
  value: unknown,
): { readonly output?: T; readonly issues: readonly ShapeIssue[] } {
  const issues: ShapeIssue[] = [];
  const known = withoutUnknown(shape, value, [], issues);
  const checked = shape['~standard'].validate(known);
  if (checked instanceof Promise)
    throw new EdgeError('EDGE_INTERNAL', 'a configuration schema must not be asynchronous');
  if (checked.issues === undefined) return { output: checked.value, issues };
  return { issues: [...issues, ...checked.issues.map(toIssue)] };
}

/** What valibot shows of its schemas; absent fields are simply another kind of schema. */
interface Node {
  readonly type?: string;
  readonly entries?: Readonly<Record<string, unknown>>;
  readonly item?: unknown;
  readonly wrapped?: unknown;
}

function withoutUnknown(
  schema: unknown,
  value: unknown,
  path: Path,
  issues: ShapeIssue[],
): unknown {
  const node = schema as Node;
  if (node.wrapped !== undefined) return withoutUnknown(node.wrapped, value, path, issues);
  if (node.item !== undefined && Array.isArray(value))
    return value.map((item, index) => withoutUnknown(node.item, item, [...path, index], issues));
  const isMapSchema = node.entries !== undefined || node.type === 'record';
  if (isMapSchema && Array.isArray(value)) return A_LIST;
  if (node.entries === undefined || !isMap(value)) return value;
  const kept: Record<string, unknown> = {};
  for (const [key, item] of Object.entries(value)) {
    const at = [...path, key];
    if (Object.hasOwn(node.entries, key)) {
      if (item !== null) kept[key] = withoutUnknown(node.entries[key], item, at, issues);
    } else if (node.type === 'loose_object') kept[key] = item;
    else issues.push(unknownKey(at, key, Object.keys(node.entries)));
  }
  return kept;
}

/** Stands for a list where a map belongs, which valibot's object schemas let pass. */
const A_LIST = 'a list';

function unknownKey(path: Path, key: string, candidates: readonly string[]): ShapeIssue {
  const suggestion = didYouMean(key, candidates);
  const message = 'is not a key that belongs here';
  return { path, message, unknownKey: true, ...(suggestion === undefined ? {} : { suggestion }) };
}

function toIssue(fault: Fault): ShapeIssue {
  const path = (fault.path ?? []).map((item) => {
    const key = typeof item === 'object' && item !== null && 'key' in item ? item.key : item;
    return typeof key === 'number' ? key : String(key);
  });
  const missing = fault.kind === 'schema' && fault.received === 'undefined';
  return { path, message: missing ? 'is missing' : fault.message };
}

export function isMap(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
