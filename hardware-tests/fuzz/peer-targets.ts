import { decodeMessage, encodeMessage } from '#protocol/message-codec.js';
import { DICTIONARIES, DICTIONARY_TEXTS } from '#protocol/message-dictionary.js';
import { MessageCompression } from '#protocol/message-compression.js';
import { decodeJoinToken } from '#protocol/join.js';
import { parseOutsideJson } from '#protocol/outside-json.js';
import { readHubDocuments, writeHubDocuments } from '#protocol/hub-device.js';
import { announceRow, helloOf, stateRow } from '#cloud/cloudhub/machine-bench.js';
import { readJoinRequest, readRenewRequest } from '#cloud/enrolment/join-request.js';
import { decodeSymbol } from '#tunnel/coded/wire/bundle.js';
import { decodeFrames } from '#tunnel/coded/wire/frame-reader.js';
import { decodeForeignVersion, decodePacket } from '#tunnel/coded/wire/packet-header.js';
import { WIRE_VECTORS } from '#tunnel/coded/wire/vectors.js';
import type { FuzzTarget } from './fuzzer.js';

const plain = [
  encodeMessage(helloOf()),
  encodeMessage({ kind: 'announce', epoch: 1, id: 1, rows: [announceRow(1)] }),
  encodeMessage({ kind: 'state', epoch: 1, id: 2, rows: [stateRow(2, 5)] }),
  encodeMessage({ kind: 'bye', reason: 'refused', detail: 'x' }),
  ...DICTIONARY_TEXTS.descriptions.map((text) => Buffer.from(`\u0001\0${text}`)),
].map((bytes) => Buffer.from(bytes));

const hubMessages: FuzzTarget = {
  name: 'hub messages',
  rows: 'E34, CVE-2022-31076, CVE-2022-31077',
  corpus: plain,
  fuzz: (data) => decodeMessage(data),
};

const [dictionary] = DICTIONARIES;
const compression = dictionary === undefined ? undefined : new MessageCompression(dictionary);

const packedMessages: FuzzTarget = {
  name: 'packed hub messages',
  rows: 'E32',
  corpus:
    compression === undefined ? plain : plain.map((one) => Buffer.from(compression.pack(one))),
  fuzz: (data) => decodeMessage(compression?.unpack(data) ?? data),
};

const tunnelPackets: FuzzTarget = {
  name: 'tunnel packets',
  rows: 'E32, CVE-2026-62370, CVE-2022-31079',
  corpus: WIRE_VECTORS.map(({ hex }) => Buffer.from(hex, 'hex')),
  fuzz: (data) => {
    const header = decodePacket(data);
    decodeForeignVersion(data);
    const frames = decodeFrames(header.ok ? header.value.payload : data);
    if (!frames.ok) return false;
    for (const frame of frames.value) if (frame.kind === 'source') decodeSymbol(frame.data);
    return true;
  },
};

const joins: FuzzTarget = {
  name: 'join requests and tokens',
  rows: 'CVE-2022-31075',
  corpus: [
    Buffer.from('{"id":"0123456789abcdef","secret":"AAAAAAAAAAAAAAAAAAAAAA","csr":"MIIBAAAA"}'),
    Buffer.from(
      'edgetwin1.eyJodWIiOiJ3c3M6Ly9oOjciLCJwaW4iOiJBIiwiaWQiOiJpIiwic2VjcmV0IjoicyIsIm5vZGUiOiJuIn0',
    ),
  ],
  fuzz: (data) => {
    const text = data.toString();
    if (text.startsWith('edgetwin1')) return decodeJoinToken(text);
    const body = parseOutsideJson(data, 16 * 1024);
    return 'id' in Object(body) ? readJoinRequest(body) : readRenewRequest(body);
  },
};

const hubDevice: FuzzTarget = {
  name: 'devices of the hub at a gateway',
  rows: 'D30',
  corpus: [
    Buffer.from(
      writeHubDocuments({
        device: {
          apiVersion: 'devices.kubeedge.io/v1beta1',
          kind: 'Device',
          metadata: { name: 'pump', namespace: 'default' },
          spec: {
            deviceModelRef: { name: 'pump' },
            nodeName: 'pi-1',
            protocol: { protocolName: 'modbus' },
          },
        },
        model: {
          apiVersion: 'devices.kubeedge.io/v1beta1',
          kind: 'DeviceModel',
          metadata: { name: 'pump', namespace: 'default' },
          spec: { properties: [{ name: 'on', type: 'BOOLEAN', accessMode: 'ReadWrite' }] },
        },
      }),
    ),
  ],
  fuzz: (data) => readHubDocuments('default/pump', data.toString()),
};

export const PEER_TARGETS: readonly FuzzTarget[] = [
  ...[hubMessages, packedMessages, tunnelPackets, joins, hubDevice],
];
