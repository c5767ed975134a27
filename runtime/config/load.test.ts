import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import test from 'ava';
import type { ExecutionContext } from 'ava';
import { EdgeError } from '#protocol/errors.js';
import { formatIssues, ISSUES_SHOWN, issuesOf } from '#protocol/config-issue.js';
import { CONFIG_LIMITS } from './limits.js';
import { loadConfig } from './load.js';
import type { ValidateDevice } from './device-files.js';

type Files = Readonly<Record<string, string | Uint8Array>>;

async function folderOf(t: ExecutionContext, files: Files): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'config-'));
  t.teardown(() => rm(folder, { recursive: true }));
  for (const [name, content] of Object.entries(files)) {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), content);
  }
  return folder;
}

/** The issues of a broken configuration as people see them, without the folder. */
async function faults(
  t: ExecutionContext,
  files: Files,
  validate: ValidateDevice = () => [],
): Promise<string[]> {
  const folder = await folderOf(t, files);
  const error = await t.throwsAsync(loadConfig(join(folder, 'gateway.yaml'), validate), {
    instanceOf: EdgeError,
  });
  t.is(error.code, 'EDGE_CONFIG');
  const issues = issuesOf(error);
  t.true(error.message.endsWith(formatIssues(issues)));
  return issues.map((issue) => formatIssues([issue]).replace(`${folder}/`, ''));
}

const DEVICES = `apiVersion: devices.kubeedge.io/v1beta1
kind: DeviceModel
metadata:
  name: meter
spec:
  properties:
    - name: level
      type: FLOAT
---
apiVersion: devices.kubeedge.io/v1beta1
kind: Device
metadata:
  name: m1
spec:
  deviceModelRef:
    name: meter
  protocol:
    protocolName: modbus
    configData:
      communicateMode: TCP
      ip: 10.0.0.5
      port: "502"
      slaveID: 300
  properties:
    - name: level
      visitors:
        configData:
          register: Holding
`;

test('a configuration of one line has every default', async (t) => {
  const folder = await folderOf(t, { 'gateway.yaml': 'node: gateway-1' });
  t.deepEqual(await loadConfig(join(folder, 'gateway.yaml'), () => []), {
    node: 'gateway-1',
    dataDir: join(folder, 'data'),
    flashBudget: 1_000,
    history: { maxBytes: 64 * 1024 * 1024, keep: 'newest' },
    transport: 'websocket',
    forward: [],
    syncWindowMs: 1000,
    broker: { listen: { host: '127.0.0.1', port: 1883 } },
    api: { listen: { host: '127.0.0.1', port: 10_550 } },
    log: { level: 'info' },
    devices: [],
    warnings: [],
  });
});

test('a full configuration is read, with devices of several files and formats', async (t) => {
  const [model, device] = DEVICES.split('---\n') as [string, string];
  const folder = await folderOf(t, {
    'gateway.yaml': `
      node: gateway-1
      dataDir: /var/lib/edgetwin
      flashBudget: 250
      history: { maxMiB: 8, maxAge: 30d, whenFull: drop-newest }
      hub: wss://hub.example.org:10000
      transport: auto
      resume: 60s
      forward: [10.0.0.5:80, 'udp:plc.site:161']
      syncWindow: 250ms
      broker: { listen: '[::1]:0' }
      api:
        listen: localhost:10551
      devices: [mappers/**/*.yaml, more/m?.json]
      log: { level: debug }`,
    'mappers/a/model.yaml': model,
    'mappers/meter.yaml': device,
    'mappers/notes.txt': 'not: [read',
    'more/m2.json': JSON.stringify({
      apiVersion: 'devices.kubeedge.io/v1beta1',
      kind: 'Device',
      metadata: { name: 'm2' },
      spec: {
        nodeName: 'gateway-1',
        deviceModelRef: { name: 'meter' },
        protocol: { protocolName: 'virtual' },
      },
    }),
  });
  const { devices, ...config } = await loadConfig(join(folder, 'gateway.yaml'), () => []);
  t.deepEqual(config, {
    node: 'gateway-1',
    dataDir: '/var/lib/edgetwin',
    flashBudget: 250,
    history: { maxBytes: 8 * 1024 * 1024, maxAgeMs: 30 * 86_400_000, keep: 'oldest' },
    hub: 'wss://hub.example.org:10000',
    transport: 'auto',
    resumeMs: 60_000,
    forward: ['10.0.0.5:80', 'udp:plc.site:161'],
    syncWindowMs: 250,
    broker: { listen: { host: '::1', port: 0 } },
    api: { listen: { host: 'localhost', port: 10_551 } },
    log: { level: 'debug' },
    warnings: [],
  });
  t.deepEqual(devices.map(({ id }) => id).sort(), ['default/m1', 'default/m2']);
});

test('targets of forwarding over WebSocket have no effect, which is said', async (t) => {
  const folder = await folderOf(t, { 'gateway.yaml': 'node: g\nforward: [127.0.0.1:80]\n' });
  const { warnings } = await loadConfig(join(folder, 'gateway.yaml'), () => []);
  t.like(warnings[0], { line: 2, key: 'forward', severity: 'warning' });
});

const BROKEN: Record<string, { files: Files; expected: readonly string[] }> = {
  'targets of forwarding that are none': {
    files: {
      'gateway.yaml':
        'node: g\ntransport: auto\nforward:\n  - http://10.0.0.5/setup\n  - 10.0.0.5\n  - udp://plc:161\n',
    },
    expected: [
      'gateway.yaml:4:5  forward[0]: must be host:port or udp:host:port, such as 127.0.0.1:80 (did you mean 10.0.0.5:80?)',
      'gateway.yaml:5:5  forward[1]: must be host:port or udp:host:port, such as 127.0.0.1:80',
      'gateway.yaml:6:5  forward[2]: must be host:port or udp:host:port, such as 127.0.0.1:80 (did you mean udp:plc:161?)',
    ],
  },
  'a misspelt key': {
    files: { 'gateway.yaml': 'node: g\nbroker:\n  lisen: 127.0.0.1:1883\n' },
    expected: [
      'gateway.yaml:3:3  broker.lisen: is not a key that belongs here (did you mean listen?)',
    ],
  },
  'a key that is nothing like any other': {
    files: { 'gateway.yaml': 'node: g\ncolour: red\n' },
    expected: ['gateway.yaml:2:1  colour: is not a key that belongs here'],
  },
  'everything wrong at once': {
    files: { 'gateway.yaml': 'Node: g\nhub: ws://x\nlog:\n  level: loud\ndevices: x\n' },
    expected: [
      'gateway.yaml:1:1  Node: is not a key that belongs here (did you mean node?)',
      'gateway.yaml:1:1  node: is missing',
      'gateway.yaml:2:6  hub: must be wss://host:port',
      'gateway.yaml:5:10  devices: must be a list',
      'gateway.yaml:4:10  log.level: must be debug, info, warn or error',
    ],
  },
  'a node name with capitals': {
    files: { 'gateway.yaml': 'node: Gateway_1\n' },
    expected: ['gateway.yaml:1:7  node: must be lower-case letters, digits, "-" and "."'],
  },
  'a port out of range': {
    files: { 'gateway.yaml': 'node: g\napi:\n  listen: 127.0.0.1:70000\nhub: wss://h:99999\n' },
    expected: [
      'gateway.yaml:4:6  hub: has a port above 65535',
      'gateway.yaml:3:11  api.listen: has a port above 65535',
    ],
  },
  'a window without an end': {
    files: { 'gateway.yaml': 'node: g\nsyncWindow: 1h\n' },
    expected: ['gateway.yaml:2:13  syncWindow: must be from 0 to 5000 ms, such as 500ms or 2s'],
  },
  'a history that is no length of time': {
    files: { 'gateway.yaml': 'node: g\nhistory: { maxAge: 5s, maxMiB: 0 }\n' },
    expected: [
      'gateway.yaml:2:32  history.maxMiB: must be at least 1',
      'gateway.yaml:2:20  history.maxAge: must be a length of time of at least a minute, such as 12h or 30d',
    ],
  },
  'a number where an address belongs': {
    files: { 'gateway.yaml': 'node: g\nbroker:\n  listen: 1883\n' },
    expected: ['gateway.yaml:3:11  broker.listen: must be host:port, such as 127.0.0.1:1883'],
  },
  'a key given twice': {
    files: { 'gateway.yaml': 'node: g\nlog:\n  level: info\n  level: warn\n' },
    expected: ['gateway.yaml:4:3  log.level: is given twice in one map'],
  },
  'a tab': {
    files: { 'gateway.yaml': 'node: g\nlog:\n\tlevel: info\n' },
    expected: [
      'gateway.yaml:3:1  Tabs are not allowed as indentation\n    Indent with spaces, as many for each key of one map.',
    ],
  },
  'a bracket that is not closed': {
    files: { 'gateway.yaml': 'node: g\ndevices: [a.yaml\n' },
    expected: [
      'gateway.yaml:3:1  Flow sequence in block collection must be sufficiently indented and end with a ]',
    ],
  },
  'two documents': {
    files: { 'gateway.yaml': 'node: g\n---\nnode: h\n' },
    expected: ['gateway.yaml:3:1  has more than one document'],
  },
  'an empty file': {
    files: { 'gateway.yaml': '# nothing\n' },
    expected: ['gateway.yaml:1:1  is empty'],
  },
  'a list': {
    files: { 'gateway.yaml': '- node\n' },
    expected: ['gateway.yaml:1:1  must be a map'],
  },
  'a device file that is not there': {
    files: { 'gateway.yaml': 'node: g\ndevices:\n  - a.yaml\n  - b*.yaml\n' },
    expected: [
      'gateway.yaml:3:5  devices[0]: is a.yaml, which is no file',
      'gateway.yaml:4:5  warning: devices[1]: matches no file',
    ],
  },
  'a syntax error in a device file': {
    files: {
      'gateway.yaml': 'node: g\n',
      'devices/a.yaml': 'kind: Device\nspec:\n  - a: {b: 1\n',
    },
    expected: [
      'devices/a.yaml:4:1  Flow map in block collection must be sufficiently indented and end with a }',
    ],
  },
  'mistakes in both files': {
    files: {
      'gateway.yaml': 'node: g\nlogs:\n  level: info\ndevices: [d.yaml]\n',
      'd.yaml': DEVICES.replace('type: FLOAT', 'type: STREAM').replace(
        '    name: meter',
        '    nam: meter',
      ),
    },
    expected: [
      'gateway.yaml:2:1  logs: is not a key that belongs here (did you mean log?)',
      'd.yaml:8:13  spec.properties[0].type: is STREAM, which edgetwin does not carry\n    Leave the property out.',
      'd.yaml:15:3  spec.deviceModelRef.name: is missing',
    ],
  },
  'a misspelt key in a device': {
    files: {
      'gateway.yaml': 'node: g\ndevices: [d.yaml]\n',
      'd.yaml': DEVICES.replace('visitors:', 'visitor:'),
    },
    expected: [
      'd.yaml:26:7  spec.properties[0].visitor: is not a key that belongs here (did you mean visitors?)',
    ],
  },
};

for (const [mistake, { files, expected }] of Object.entries(BROKEN))
  test(`${mistake} is told with file, line, column and key`, async (t) => {
    t.deepEqual(await faults(t, files), expected);
  });

test('what a mapper objects to stands at its line, in the spelling of the file', async (t) => {
  const files = { 'gateway.yaml': 'node: g\ndevices: [d.yaml]\n', 'd.yaml': DEVICES };
  const issues = await faults(t, files, (device) => [
    { path: ['spec', 'protocol', 'configData', 'unitId'], message: 'is above 247' },
    {
      path: ['spec', 'properties', 0, 'visitors', 'configData', 'register'],
      message: `is of no kind that ${device.id} has`,
      hint: 'Use HoldingRegister.',
    },
    { path: ['spec', 'properties', 0, 'visitors', 'configData', 'offset'], message: 'is missing' },
  ]);
  t.deepEqual(issues, [
    'd.yaml:23:16  spec.protocol.configData.slaveID: is above 247',
    'd.yaml:28:21  spec.properties[0].visitors.configData.register: is of no kind that default/m1 has\n    Use HoldingRegister.',
    'd.yaml:27:9  spec.properties[0].visitors.configData.offset: is missing',
  ]);
});

test('devices of another node and keys of a newer KubeEdge are warnings', async (t) => {
  const text = DEVICES.replace('kind: Device\n', 'kind: Device\nstatus: {}\n')
    .replace('  protocol:', '  nodeName: other\n  protocol:')
    .replace('      type: FLOAT', '      type: FLOAT\n      quantumState: up');
  const folder = await folderOf(t, { 'gateway.yaml': 'node: g', 'devices/d.yml': text });
  const { devices, warnings } = await loadConfig(join(folder, 'gateway.yaml'), () => []);
  t.is(devices.length, 0);
  t.is(
    formatIssues(warnings).replaceAll(`${folder}/`, ''),
    [
      'devices/d.yml:9:7  warning: spec.properties[0].quantumState: is not a key that belongs here',
      'devices/d.yml:19:13  warning: spec.nodeName: is other: the device is left out of g',
    ].join('\n'),
  );
});

test('a file that is missing, huge or not text is one issue', async (t) => {
  const missing = await t.throwsAsync(loadConfig('/nonexistent/gateway.yaml', () => []));
  t.regex(issuesOf(missing)[0]?.message ?? '', /ENOENT/);
  const huge = { 'gateway.yaml': `node: ${'x'.repeat(CONFIG_LIMITS.fileBytes)}` };
  t.deepEqual(await faults(t, huge), ['gateway.yaml:1:1  is larger than 1048576 bytes']);
  const binary = { 'gateway.yaml': Uint8Array.of(0x6e, 0x3a, 0x20, 0xff) };
  t.deepEqual(await faults(t, binary), ['gateway.yaml:1:1  is not UTF-8 text']);
});

test('a bomb of aliases is refused', async (t) => {
  const laughs = ['a0: &a0 [x, x, x, x, x, x, x, x, x]'];
  for (let level = 1; level < 12; level++)
    laughs.push(
      `a${level}: &a${level} [${Array(9)
        .fill(`*a${level - 1}`)
        .join(', ')}]`,
    );
  const [issue] = await faults(t, { 'gateway.yaml': laughs.join('\n') });
  t.regex(issue ?? '', /Excessive alias count/);
});

test('nesting and keys without end are refused, not followed', async (t) => {
  for (const text of ['['.repeat(20_000), '- '.repeat(20_000), '{a: '.repeat(20_000)]) {
    const [issue] = await faults(t, { 'gateway.yaml': text });
    t.regex(issue ?? '', /^gateway\.yaml:\d+:\d+ {2}/);
  }
  const keys = Array.from({ length: 20_000 }, (_, index) => `k${index}: 1`).join('\n');
  t.is((await faults(t, { 'gateway.yaml': keys })).length, ISSUES_SHOWN);
});

test('no key reaches a prototype', async (t) => {
  const issues = await faults(t, {
    'gateway.yaml': 'node: g\n__proto__: {polluted: true}\nconstructor: 1\nlog: {__proto__: 1}\n',
  });
  t.deepEqual(
    issues.map((issue) => issue.split('  ')[0]),
    ['gateway.yaml:2:1', 'gateway.yaml:3:1', 'gateway.yaml:4:7'],
  );
  t.false('polluted' in {});
});

test('aliases and merge keys work, and their issues are found behind them', async (t) => {
  const text = 'base: &b {level: loud}\nnode: g\nlog: *b\n';
  t.deepEqual(await faults(t, { 'gateway.yaml': text }), [
    'gateway.yaml:1:1  base: is not a key that belongs here',
    'gateway.yaml:1:18  log.level: must be debug, info, warn or error',
  ]);
});
