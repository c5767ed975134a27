import { parseOutsideJson } from '#protocol/outside-json.js';

/** `a.b[0].c` as names and indices; undefined when it is not of that form. */
export function parseJsonPath(text: string): (string | number)[] | undefined {
  const path: (string | number)[] = [];
  let rest = text.startsWith('[') ? text : `.${text}`;
  while (rest !== '') {
    const step = /^(?:\.([^.[\]]{1,128})|\[(\d{1,6})\])/.exec(rest);
    if (step === null) return undefined;
    const [all, name, index] = step;
    path.push(name ?? Number(index));
    rest = rest.slice(all.length);
  }
  return path;
}

/** Undefined when the frame is no JSON, or has nothing there. */
export function jsonAt(frame: Uint8Array, path: readonly (string | number)[]): unknown {
  let value: unknown;
  try {
    value = parseOutsideJson(frame, frame.length);
  } catch {
    return undefined;
  }
  for (const step of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, step))
      return undefined;
    value = (value as Readonly<Record<string | number, unknown>>)[step];
  }
  return value;
}
