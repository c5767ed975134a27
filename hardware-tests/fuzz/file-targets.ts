import { decodeBackup, encodeBackup } from '#journal/backup-codec.js';
import { MemoryStorage } from '#journal/memory-storage.js';
import { encodeGroup, groupMark } from '#journal/record.js';
import { RowTables } from '#journal/row-tables.js';
import { encodeSegmentHeader, RECORDS_START } from '#journal/segment-header.js';
import { decodeSnapshot, writeSnapshot } from '#journal/snapshot.js';
import { Walk } from '#journal/walk.js';
import { readDocuments } from '#protocol/device-document.js';
import { checkShape } from '#protocol/schema-shape.js';
import { parseYaml } from '#protocol/yaml-file.js';
import { gatewaySchema } from '#runtime/config/schema.js';
import { parseGrant, parseManifest } from '#runtime/release/manifest.js';
import { parseRoots } from '#runtime/release/signature.js';
import { modbusModule } from '#mappers/modbus/mapper.js';
import { serialModule } from '#mappers/serial/mapper.js';
import type { FuzzTarget } from './fuzzer.js';

const HEAD = 'apiVersion: devices.kubeedge.io/v1beta1\nkind:';
const MODEL = `${HEAD} DeviceModel
metadata: { name: m }
spec: { properties: [{ name: t, type: FLOAT, unit: W, maximum: '300' }] }
`;
/** Short, since the library takes longer for a byte than any other parser: half a microsecond. */
const METER = `${HEAD} Device
metadata:
  name: m-1
spec:
  deviceModelRef: { name: m }
  protocol:
    configData: { communicateMode: TCP, ip: ::1, port: '5020', slaveID: 1 }
    protocolName: modbus
  properties:
    - name: t
      visitors:
        configData: { register: InputRegister, offset: 0x0C, dataType: float32 }
`;
const GATEWAY = `node: pi-1
hub: wss://hub.example:7443
transport: auto
syncWindow: 500ms
broker: { listen: '127.0.0.1:1883', credentials: required }
devices: ['devices/**/*.yaml']
`;
const SENSOR = `${HEAD} Device
metadata: { name: s }
spec:
  deviceModelRef: { name: m }
  protocol: { protocolName: serial, configData: { port: /dev/ttyS0, baudRate: 9600, framing: lines } }
  properties: [{ name: t, visitors: { protocolName: serial, configData: { pattern: 'T=([0-9.]+)' } } }]
`;

const MODEL_DOCUMENTS = (await parseYaml('m.yaml', MODEL)).documents;

const configuration: FuzzTarget = {
  name: 'configuration in YAML',
  share: 0.1,
  rows: 'G48, D30',
  corpus: [METER, GATEWAY, SENSOR, MODEL].map((text) => Buffer.from(text)),
  fuzz: async (data) => {
    const { documents } = await parseYaml('f.yaml', data.toString());
    const [gateway] = documents;
    if (!data.includes('kind')) checkShape(gatewaySchema, gateway?.value);
    const sources = [...documents, ...MODEL_DOCUMENTS].map((document, index) => ({
      ...{ ...document, source: String(index) },
    }));
    const { devices } = readDocuments(sources);
    for (const { device } of devices) {
      await modbusModule.validate(device);
      await serialModule.validate(device);
    }
    return devices.length > 0;
  },
};

const header = encodeSegmentHeader(
  { number: 1, previousChain: 0, fresh: true, bytes: 0 },
  Buffer.alloc(16, 7),
);

function segmentOf(payloads: readonly string[]): Buffer {
  const bytes = payloads.reduce((sum, text) => sum + Buffer.byteLength(text), 0);
  const mark = groupMark(header.chain, RECORDS_START);
  const group = encodeGroup(payloads, bytes, header.chain, mark);
  return Buffer.concat([header.bytes.subarray(0, RECORDS_START), group.bytes]);
}

function walk(segment: Buffer): boolean {
  const start = { segment: 1, offset: RECORDS_START, chain: header.chain };
  const found = new Walk(new RowTables(), start);
  found.read(1, segment);
  return found.counts.records > 0;
}

const ROWS = ['[["devices","a",{"x":1}]]', '[["devices","a",null],["t","b",[1,2]]]'];

const journal: FuzzTarget = {
  name: 'journal segments',
  rows: 'A3',
  corpus: [segmentOf(ROWS), segmentOf([])],
  fuzz: walk,
};

/** Behind the checksum: what a damaged program, or a hostile backup, could have written. */
const records: FuzzTarget = {
  name: 'records of the journal, sealed',
  rows: 'A3',
  corpus: ROWS.map((text) => Buffer.from(text)),
  fuzz: (data) => walk(segmentOf([data.toString()])),
};

const snapshots: FuzzTarget = {
  name: 'snapshots',
  rows: 'A3',
  corpus: [await snapshotOf()],
  fuzz: (data) => decodeSnapshot('snapshot', data),
};

async function snapshotOf(): Promise<Buffer> {
  const tables = new RowTables();
  tables.put(['devices', 'a', { x: 1 }]);
  const position = { segment: 1, offset: RECORDS_START, chain: header.chain };
  const storage = new MemoryStorage();
  await writeSnapshot(storage, 'snapshot', position, tables.freeze(), new AbortController().signal);
  return Buffer.from(storage.disk.content(storage.disk.inodeOf('snapshot') ?? 0));
}

const backups: FuzzTarget = {
  name: 'backups',
  rows: 'CVE-2026-62369',
  corpus: [await backupOf()],
  fuzz: async (data) => {
    for await (const event of decodeBackup(inPieces(data))) if (event.kind === 'end') return;
  },
};

async function backupOf(): Promise<Buffer> {
  const head = { program: 'edgetwin', software: 'x', node: 'pi-1', made: '2026', durable: true };
  const content = () => inPieces(Buffer.from('rows'));
  const chunks: Uint8Array[] = [];
  for await (const chunk of encodeBackup(head, [{ name: 'store', content }])) chunks.push(chunk);
  return Buffer.concat(chunks);
}

async function* inPieces(data: Buffer): AsyncGenerator<Uint8Array> {
  const middle = data.length >> 1;
  yield* await Promise.resolve([data.subarray(0, middle), data.subarray(middle)]);
}

const HASH = 'ab'.repeat(32);
const releases: FuzzTarget = {
  name: 'release manifests',
  rows: 'J55, CVE-2026-62369, CVE-2026-62371',
  corpus: [
    Buffer.from(`# root\n${'A'.repeat(43)}=\n`),
    Buffer.from(
      `{"product":"edgetwin","key":"${'A'.repeat(43)}=","expires":"2027-01-01T00:00:00Z"}`,
    ),
    Buffer.from(
      JSON.stringify({
        ...{ product: 'edgetwin', version: '1.2.3', counter: 7, architecture: 'any' },
        ...{ made: '2026-01-01T00:00:00Z', expires: '2027-01-01T00:00:00Z' },
        packed: { size: 10, sha256: HASH },
        files: [{ path: 'a/b.js', size: 3, sha256: HASH, executable: false }],
      }),
    ),
  ],
  fuzz: (data) => {
    if (data[0] !== 0x7b) return parseRoots(data.toString());
    return data.includes('files') ? parseManifest(data) : parseGrant(data);
  },
};

export const FILE_TARGETS: readonly FuzzTarget[] = [
  ...[configuration, journal, records, snapshots, backups, releases],
];
