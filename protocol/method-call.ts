import type { Method, PropertyDescription } from './device.js';
import { didYouMean } from './did-you-mean.js';
import { EdgeError } from './errors.js';
import type { Value } from './twin.js';
import { checkValue } from './value-check.js';
import { valueProblem } from './value-check-json.js';

/** What a device says of itself, at either end. */
export interface Callable {
  readonly id: string;
  readonly properties: readonly PropertyDescription[];
  readonly methods?: readonly Method[];
}

export interface PropertyWrite {
  readonly property: string;
  readonly value: Value;
}

/**
 * Checks a call of a device's method and gives what it writes, in the order of the method. `args`
 * is an object of values by property name, some or all of the method's; a method without
 * properties takes any value and writes nothing. A property that this end does not know (it stays
 * on the gateway) is left to the other end. Throws EDGE_NO_METHOD, EDGE_NO_PROPERTY, EDGE_TYPE,
 * EDGE_RANGE, EDGE_LIMIT, EDGE_MALFORMED.
 */
export function checkCall(device: Callable, name: string, args: Value): readonly PropertyWrite[] {
  const method = methodOf(device, name);
  const problem = valueProblem(args);
  if (problem !== undefined)
    throw new EdgeError(problem.code, `the arguments of ${name} are ${problem.rule}`);
  const { properties } = method;
  if (properties.length === 0) return [];
  const given = byName(args);
  const names = Object.keys(given ?? {});
  if (given === undefined || names.length === 0)
    throw new EdgeError('EDGE_MALFORMED', `${name} needs values by property name`, {
      hint: `Send an object with ${properties.join(', ')}.`,
    });
  const stranger = names.find((one) => !properties.includes(one));
  if (stranger !== undefined)
    throw new EdgeError('EDGE_NO_PROPERTY', `${name} does not write ${stranger}`, {
      hint: hintOf(stranger, properties),
    });
  return properties.flatMap((property) => {
    const value = Object.hasOwn(given, property) ? given[property] : undefined;
    if (value === undefined) return [];
    const known = device.properties.find((one) => one.name === property);
    return [{ property, value: known === undefined ? value : checkValue(known, value) }];
  });
}

function methodOf(device: Callable, name: string): Method {
  const methods = device.methods ?? [];
  const method = methods.find((one) => one.name === name);
  if (method !== undefined) return method;
  throw new EdgeError('EDGE_NO_METHOD', `${device.id} has no method ${name}`, {
    hint:
      methods.length === 0
        ? 'Its device document has no spec.methods.'
        : hintOf(
            name,
            methods.map((one) => one.name),
          ),
  });
}

function hintOf(word: string, known: readonly string[]): string {
  const guess = didYouMean(word, known);
  return guess === undefined
    ? `It has: ${known.slice(0, 16).join(', ')}.`
    : `Did you mean ${guess}?`;
}

function byName(args: Value): Readonly<Record<string, Value>> | undefined {
  if (typeof args !== 'object' || args === null || Array.isArray(args)) return undefined;
  return args as Readonly<Record<string, Value>>;
}
