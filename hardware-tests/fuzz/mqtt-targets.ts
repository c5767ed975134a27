import mqtt from 'mqtt-packet';
import { systemClock } from '#protocol/clock.js';
import { EdgeError } from '#protocol/errors.js';
import { silentLog } from '#protocol/log.js';
import { seededRandom } from '#protocol/random.js';
import { parseTopic } from '#protocol/topics.js';
import { ClientRights } from '#runtime/eventbus/client-rights.js';
import { parseClientFile } from '#runtime/eventbus/client-file.js';
import { CommandTopics } from '#runtime/eventbus/command-topics.js';
import { FakeTwins, fakeProperty } from '#runtime/eventbus/fake-twins.js';
import { DEFAULT_LIMITS } from '#runtime/eventbus/limits.js';
import { PacketScanner } from '#runtime/eventbus/packet-scanner.js';
import { connectBytes, publishPacket } from '#runtime/eventbus/raw-client.js';
import { filterMatches, isTopicFilter, isTopicName } from '#runtime/eventbus/topic-filter.js';
import { TwinTopics } from '#runtime/eventbus/twin-topics.js';
import type { FuzzTarget } from './fuzzer.js';

const METER = '$hw/events/device/default/meter';
const CONNECT = connectBytes({ clientId: 'fuzz', username: 'meter', password: Buffer.from('x') });

/** As the socket guard and Aedes' parser stand behind each other. */
const packets: FuzzTarget = {
  name: 'MQTT packets',
  rows: 'D29',
  corpus: [
    CONNECT,
    connectBytes({ will: { topic: 'a', payload: Buffer.from('b'), qos: 1, retain: true } }),
    ...([0, 1, 2] as const).map((qos) =>
      Buffer.concat([CONNECT, mqtt.generate(publishPacket('a/b', 'x', qos, true, 1))]),
    ),
    Buffer.concat([
      CONNECT,
      mqtt.generate({ cmd: 'subscribe', messageId: 5, subscriptions: [{ topic: '#', qos: 2 }] }),
      mqtt.generate({ cmd: 'unsubscribe', messageId: 6, unsubscriptions: ['#'] }),
      mqtt.generate({ cmd: 'pubrel', messageId: 4 }),
      mqtt.generate({ cmd: 'pingreq' }),
    ]),
    Buffer.from([0x10, 0xff, 0xff, 0xff, 0x7f, 0, 4]),
  ],
  fuzz: (data) => {
    const scanner = new PacketScanner(DEFAULT_LIMITS);
    const parser = mqtt.parser({ protocolVersion: 4 });
    let failed: Error | undefined;
    parser.on('error', (error: Error) => {
      failed = error;
    });
    const middle = data.length >> 1;
    for (const chunk of [data.subarray(0, middle), data.subarray(middle)]) {
      if (scanner.scan(chunk) !== undefined) throw new EdgeError('EDGE_MALFORMED', 'cut');
      parser.parse(chunk);
      if (failed !== undefined) throw new EdgeError('EDGE_MALFORMED', failed.message);
    }
  },
};

const twins = new FakeTwins();
twins.addDevice('default/meter', [
  fakeProperty('temperature', { minimum: -40, maximum: 125 }),
  fakeProperty('mode', { type: 'string' }),
  fakeProperty('settings', { type: 'json' }),
]);
const ports = { clock: systemClock, random: seededRandom(1), log: silentLog };
const broker = { publish: () => undefined, filtersFor: () => ['$hw/#'] };
const topics = new TwinTopics({ ...ports, twins, node: 'edge-1', broker, mayWrite: () => true });
const commands = new CommandTopics({ broker, clock: systemClock });
const CLIENT = { id: 'fuzz', address: '127.0.0.1', username: undefined };

const updates = [
  '{"event_id":"1","timestamp":1,"twin":{"temperature":{"actual":{"value":"20.5","metadata":{"timestamp":1,"quality":"good","appliedVersion":"1.2"}}}}}',
  '{"event_id":"2","twin":{"mode":{"expected":{"value":"eco"}},"settings":{"actual":{"value":{"a":[1,null]}}}}}',
  '{"event_id":"3","state":"online"}',
  '{"event_id":"4","state":"failed","code":"EDGE_DEVICE_REJECTED","reason":"x"}',
];

/** A line of topic and a payload, through everything behind the packet. */
const messages: FuzzTarget = {
  name: 'MQTT topics and payloads',
  rows: 'D30',
  corpus: updates.flatMap((payload) =>
    [`${METER}/twin/update`, `${METER}/state/update`, '$hw/events/device/meter/command/result'].map(
      (topic) => Buffer.from(`${topic}\n${payload}`),
    ),
  ),
  fuzz: async (data) => {
    const end = data.indexOf('\n');
    const topic = data.subarray(0, Math.max(end, 0)).toString();
    if (!isTopicName(topic, DEFAULT_LIMITS)) throw new EdgeError('EDGE_MALFORMED', 'topic');
    const parsed = parseTopic(topic);
    if (parsed === undefined) return;
    const message = { topic, payload: data.subarray(end + 1), qos: 1, retain: false } as const;
    if (parsed.kind === 'device' && parsed.action === 'command/result')
      commands.result(parsed.device, message);
    const verdict = await topics.handle(CLIENT, parsed, message);
    twins.reports.length = 0;
    twins.writes.length = 0;
    if (verdict === 'drop') throw new EdgeError('EDGE_MALFORMED', 'dropped');
    if (verdict === 'close') throw new TypeError('an input made the storage look broken');
  },
};

const rights = new ClientRights({
  ...{ name: 'meter', write: false, topics: ['line/+/raw', 'meter/#'] },
  devices: ['default/meter', 'plant/*'],
});

const filters: FuzzTarget = {
  name: 'MQTT filters and rights',
  rows: 'D26',
  corpus: [
    ...[
      '$hw/events/device/default/meter/#',
      '$hw/events/device/+/+/twin/update/delta',
      '#',
      'a/+/b',
    ],
    ...['$hw/events/device/plant/pump/twin/+', 'meter/#', '$SYS/#', '$share/g/a/b', '$ke/events/+'],
  ].map((filter) => Buffer.from(filter)),
  fuzz: (data) => {
    const filter = data.toString();
    if (!isTopicFilter(filter, DEFAULT_LIMITS)) throw new EdgeError('EDGE_MALFORMED', 'filter');
    const foreign = [
      '$hw/events/device/default/other/twin/update/delta',
      '$SYS/broker/uptime',
      'x/y',
    ];
    const granted = rights.maySubscribe(filter);
    if (granted && foreign.some((topic) => filterMatches(filter, topic)))
      throw new TypeError(`${filter} sees what is not its own`);
    rights.mayPublish(filter);
  },
};

const clientFile: FuzzTarget = {
  name: 'file of MQTT clients',
  rows: 'D30',
  corpus: [
    Buffer.from(
      '{"clients":[{"name":"meter","devices":["default/meter","plant/*"],"write":false,"topics":["a/#"],"password":{"n":8192,"r":8,"p":1,"salt":"AAAAAAAAAAAAAAAAAAAAAA==","hash":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="},"created":0}]}',
    ),
  ],
  fuzz: (data) => parseClientFile(data),
};

export const MQTT_TARGETS: readonly FuzzTarget[] = [packets, messages, filters, clientFile];
