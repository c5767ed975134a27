import type { DeviceSource, SourceDocument } from './device-document.js';
import { isModbusSpelling } from './modbus-spelling.js';
import { isMap } from './schema-shape.js';
import type { Path } from './schema-shape.js';

/** No list has the property: the path ends at the list. */
const MISSING = -1;

/**
 * Where a person wrote what a mapper's `validate` objects to. `path` is that of a DeviceIssue: it
 * counts `device.properties` and has canonical Modbus keys. The answer is the same path in the
 * spelling of the device's document or, when the model has more of it, of the model's.
 */
export function locateInDocuments(
  documents: readonly SourceDocument[],
  { device, deviceDocument, modelDocument }: DeviceSource,
  path: Path,
): { readonly document: number; readonly path: Path } {
  const [spec, second, third, ...rest] = path;
  const inDevice = { document: deviceDocument, path };
  const inModel = { document: modelDocument, path };
  if (spec === 'spec' && second === 'properties' && typeof third === 'number') {
    const name = device.properties[third]?.name;
    for (const place of [inDevice, inModel]) {
      const index = indexOf(documents[place.document]?.value, name);
      place.path = ['spec', 'properties', index, ...rest];
    }
  } else if (spec === 'spec' && second === 'protocol' && third === 'configData')
    inModel.path = ['spec', 'protocolConfigData', ...rest];
  const places = [inDevice, inModel].map(({ document, path: wanted }) => {
    const found = existing(documents[document]?.value, wanted);
    const lacking = wanted.slice(found.length);
    const path = lacking.includes(MISSING) ? found : [...found, ...lacking];
    return { document, path, missing: lacking.length };
  });
  const [own, model] = places;
  const place = own === undefined || (model && model.missing < own.missing) ? model : own;
  return { document: place?.document ?? deviceDocument, path: place?.path ?? [] };
}

function indexOf(document: unknown, name: string | undefined): number {
  const spec = isMap(document) ? document['spec'] : undefined;
  const properties = isMap(spec) ? spec['properties'] : undefined;
  if (!Array.isArray(properties)) return MISSING;
  return properties.findIndex((property) => isMap(property) && property['name'] === name);
}

/** The part of the path that the document has, in the document's own spelling. */
function existing(document: unknown, path: Path): Path {
  const found: (string | number)[] = [];
  let at = document;
  for (const key of path) {
    if (Array.isArray(at) && typeof key === 'number' && at[key] !== undefined) {
      at = at[key] as unknown;
      found.push(key);
    } else if (isMap(at)) {
      const map = at;
      const own = Object.hasOwn(map, key)
        ? String(key)
        : Object.keys(map).find((spelling) => isModbusSpelling(spelling, String(key)));
      if (own === undefined) break;
      at = map[own];
      found.push(own);
    } else break;
  }
  return found;
}
