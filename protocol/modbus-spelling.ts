import { parseCycle } from './device-document-cycle.js';
import { isMap } from './schema-shape.js';

type ConfigData = Readonly<Record<string, unknown>>;

/**
 * The keys of Modbus settings as everything behind the document reader knows them, with the
 * spellings that KubeEdge's mappers have had: kubeedge/examples and mappers-go (v1beta1), its
 * 1.15 rewrite (`serialPort`), and v1alpha2, whose `common.com` and `common.tcp` are unfolded
 * before. Capitals do not count. `port` is the serial port or the TCP port, as the transport says.
 */
const SPELLINGS = {
  transport: ['communicateMode'],
  port: ['serialName', 'serialPort'],
  baudRate: [],
  dataBits: [],
  stopBits: [],
  parity: [],
  host: ['ip'],
  tcpPort: ['port'],
  unitId: ['slaveID'],
  timeout: [],
} as const satisfies Record<string, readonly string[]>;

type CanonicalKey = keyof typeof SPELLINGS;

const CANONICAL = new Map<string, CanonicalKey>();
for (const key of Object.keys(SPELLINGS) as CanonicalKey[])
  for (const spelling of [...SPELLINGS[key], key]) CANONICAL.set(spelling.toLowerCase(), key);

const NUMERIC: ReadonlySet<string> = new Set([
  'baudRate',
  'dataBits',
  'stopBits',
  'tcpPort',
  'unitId',
]);
const PARITIES: Readonly<Record<string, string>> = { n: 'none', e: 'even', o: 'odd' };

/**
 * One set of Modbus settings from layers, later ones over earlier (a model's, then a device's), in
 * canonical keys: `transport` 'rtu' | 'tcp', `port`, `baudRate`, `dataBits`, `stopBits`, `parity`
 * 'none' | 'even' | 'odd', `host`, `tcpPort`, `unitId`, `timeout` in milliseconds. Numbers given as
 * text become numbers. What cannot be understood, and every other key, is kept as it is: the
 * mapper judges. `transport` is absent when nothing tells.
 */
export function normaliseModbusConfig(...layers: readonly ConfigData[]): Record<string, unknown> {
  const transport = layers
    .map((layer) => transportOf(layer))
    .findLast((found) => found !== undefined);
  const config: Record<string, unknown> = {};
  for (const layer of layers)
    for (const [key, value] of Object.entries(unfolded(layer))) {
      const name = canonicalKey(key, value, transport);
      config[name] = canonicalValue(name, value);
    }
  // The last layer that tells goes before a template's: `host` makes a meter on a line one on TCP.
  return transport === undefined ? config : { ...config, transport };
}

/** True when a document's `key` may be what the canonical settings call `name`. */
export function isModbusSpelling(key: string, name: string): boolean {
  const lower = key.toLowerCase();
  return key === name || CANONICAL.get(lower) === name || (lower === 'port' && name === 'port');
}

function canonicalKey(key: string, value: unknown, transport: string | undefined): string {
  const name = CANONICAL.get(key.toLowerCase()) ?? key;
  if (key.toLowerCase() !== 'port') return name;
  const isSerial = transport === 'rtu' || transport === 'ascii';
  if (transport === undefined) return isDigits(value) ? 'tcpPort' : 'port';
  return isSerial ? 'port' : 'tcpPort';
}

function canonicalValue(name: string, value: unknown): unknown {
  if (NUMERIC.has(name) && isDigits(value)) return Number(value);
  if (name === 'timeout') return parseCycle(value) ?? value;
  if (typeof value !== 'string') return value;
  if (name === 'transport') return value.toLowerCase();
  if (name !== 'parity') return value;
  const parity = value.toLowerCase();
  return PARITIES[parity] ?? parity;
}

/** What a layer says of the transport: in so many words, or by keys that only one of them has. */
function transportOf(layer: ConfigData): string | undefined {
  const entries = Object.entries(unfolded(layer)).map(([key, value]) => ({
    key: key.toLowerCase(),
    name: CANONICAL.get(key.toLowerCase()),
    value,
  }));
  const said = entries.find(({ name, value }) => name === 'transport' && typeof value === 'string');
  if (said !== undefined) return (said.value as string).toLowerCase();
  if (entries.some(({ name }) => name === 'host')) return 'tcp';
  const isSerial = entries.some(
    ({ key, name, value }) => name === 'port' || (key === 'port' && !isDigits(value)),
  );
  return isSerial ? 'rtu' : undefined;
}

/** v1alpha2 keeps the line under `com` and the socket under `tcp`. */
function unfolded(layer: ConfigData): ConfigData {
  const { com, tcp, ...rest } = layer;
  return {
    ...rest,
    ...(isMap(tcp) ? tcp : tcp === undefined ? {} : { tcp }),
    ...(isMap(com) ? com : com === undefined ? {} : { com }),
  };
}

function isDigits(value: unknown): boolean {
  return typeof value === 'string'
    ? /^\s*\d{1,9}(\.\d+)?\s*$/.test(value)
    : typeof value === 'number';
}
