/** One attack, how it has to end, and the tests that show it. */
export interface Row {
  /** Titles of tests that begin with it belong to the row. */
  readonly id: string;
  readonly input: string;
  readonly ends: string;
  /** Other tests: path without `.test.ts`, and how their titles begin. */
  readonly also?: readonly (readonly [file: string, title: string])[];
  /** Why there can be no test yet. */
  readonly absent?: string;
}

export interface Group {
  readonly title: string;
  readonly rows: readonly Row[];
}

const API = 'cloud/api/hostile';
const BUS = 'runtime/eventbus/hostile';
const DOOR = 'tunnel/websocket/listener';
const META = 'runtime/metaserver/meta-server';
const JOIN = 'cloud/enrolment/join-handler';
const ENROL = 'cloud/enrolment/enrolment';
const RULES = 'architecture';

/** What was found in KubeEdge: its CVE records, audit of 2022, open issues, and by reading. */
const KUBEEDGE: readonly Row[] = [
  {
    id: 'CVE-2022-31073',
    input: 'an endless HTTP body to an interface of the gateway',
    ends: '413 after the limit, memory stays',
    also: [[META, 'hostile bodies and paths']],
  },
  {
    id: 'CVE-2022-31074',
    input: 'a huge or deep document to the hub’s REST',
    ends: '413 or 400, nothing kept',
    also: [
      [API, 'a body of a gibibyte'],
      [API, 'a declared length over'],
      ['protocol/outside-json', '${title} is refused'],
    ],
  },
  {
    id: 'CVE-2022-31075',
    input: 'a huge certificate request; one byte a second',
    ends: 'cut at 16 KiB; given up after 10 s',
    also: [
      [JOIN, 'an endless body'],
      [JOIN, 'a body that never ends'],
    ],
  },
  {
    id: 'CVE-2022-31076',
    input: 'malformed messages to local doors: missing fields, null, wrong types',
    ends: 'refused with a code, the program goes on',
    also: [
      ['runtime/eventbus/event-bus', 'is answered with ${code}'],
      [META, 'hostile bodies and paths'],
      ['mappers/mqtt-adapter', 'hostile commands'],
    ],
  },
  {
    id: 'CVE-2022-31077',
    input: 'malformed and unasked answers of the other end',
    ends: 'the session ends, counted; no state changes',
    also: [
      ['cloud/cloudhub/sync-machine-fuzz', 'whatever a gateway sends'],
      ['cloud/cloudhub/hostile-gateway', 'a message before WELCOME'],
    ],
  },
  {
    id: 'CVE-2022-31078',
    input: 'a webhook’s target answers without end',
    ends: 'cut at a limit',
  },
  {
    id: 'CVE-2022-31079',
    input: 'a tunnel frame of 4 GB, a million tiny ones, unknown streams',
    ends: 'the session ends within its bounds',
    also: [
      ['tunnel/coded/streams/hostile', 'a stream of gaps'],
      ['tunnel/coded/streams/hostile', 'breaks the protocol: '],
      ['tunnel/coded/streams/hostile', 'a bundle that ends too soon'],
      ['cloud/cloudhub/hostile-gateway', 'a gateway that floods'],
    ],
  },
  {
    id: 'CVE-2022-31080',
    input: 'a hub answers the upgrade with an endless body',
    ends: 'left at once',
    also: [['tunnel/websocket/client', 'a hub that answers the upgrade with an endless body']],
  },
  {
    id: 'CVE-2026-62370',
    input: 'each length and count of the wire at 0, its maximum, beyond it',
    ends: 'refused before memory is taken',
    also: [
      ['tunnel/coded/wire/wire', 'refused: '],
      ['protocol/message-codec', '${what} is refused'],
      ['runtime/eventbus/packet-scanner', 'is refused: '],
    ],
  },
  {
    id: 'CVE-2026-62371',
    input: 'a shell in a version, an image, any string of an update',
    ends: 'there is no shell: a rule of the code',
    also: [
      [RULES, 'clocks, timers, randomness'],
      ['hardware-tests/release/bundle', 'J55: fields of a wrong kind'],
    ],
  },
  {
    id: 'CVE-2026-62182',
    input: 'a shell, `__proto__`, `../` in a configuration',
    ends: 'refused; the previous configuration goes on',
    also: [
      ['runtime/config/last-good', 'G48: a configuration ${what}'],
      [RULES, 'clocks, timers, randomness'],
    ],
  },
  {
    id: 'CVE-2026-62369',
    input: 'a bundle with `../`, absolute paths, links, devices, 10^6 entries, a bomb',
    ends: 'refused, nothing unpacked',
    also: [
      ['hardware-tests/release/bundle', 'J55: CVE-2026-62369'],
      ['hardware-tests/release/bundle', 'J55: a symbolic link'],
      ['hardware-tests/release/bundle', 'J55: a million entries'],
      ['hardware-tests/release/bundle', 'J55: a bomb'],
    ],
  },
  {
    id: '#7231',
    input: 'a thousand half-open connections, headers without end',
    ends: 'an honest client is served',
    also: [
      [API, 'a thousand half-open'],
      [API, 'a header that never ends'],
      [META, 'hundreds of half-open'],
      [DOOR, 'a flood of idle sockets'],
    ],
  },
  {
    id: 'SetReadLimit',
    input: 'one frame of 2 GB from a node',
    ends: 'closed at its header',
    also: [[DOOR, 'a frame that ${what}']],
  },
  {
    id: 'Authorization.Enable=false',
    input: 'node A’s certificate for B; A writes of B’s devices',
    ends: 'refused by default, counted, audited',
  },
  {
    id: 'CSR',
    input: 'a request with another name, extra names, authority, server usage',
    ends: 'the certificate has only what policy gives',
    also: [
      [ENROL, 'whatever a request asks for'],
      [ENROL, 'a request with ${what}'],
    ],
  },
  {
    id: '#4906',
    input: 'a token that leaked: used twice, late, for another node',
    ends: 'refused, slowed down, revocable',
    also: [
      [ENROL, 'a token that was used'],
      [ENROL, 'an expired, a withdrawn'],
      [ENROL, 'guessing one token'],
    ],
  },
  {
    id: 'twin/cloud_updated',
    input: 'a local MQTT client forges what the hub says',
    ends: 'refused',
    also: [['runtime/eventbus/event-bus-rights', 'a client cannot forge']],
  },
  {
    id: 'REST write by GET',
    input: 'MQTT and REST without credentials on every address; writing by GET',
    ends: 'loopback by default; a token; a loud line elsewhere',
    also: [
      [META, 'a local write needs the token'],
      [META, 'a foreign Host header'],
      ['hardware-tests/doors/kubeedge-rows', 'MQTT broker without auth'],
      ['runtime/main', 'a door that more than this machine'],
      ['protocol/exposure', 'a door that others reach'],
    ],
  },
  {
    id: 'InsecureSkipVerify',
    input: 'a wrong hub key on either transport; UDP blocked',
    ends: 'refused; the same checks on both',
    also: [
      ['tunnel/websocket/client', 'with the clock at 1970'],
      ['runtime/edgehub/join', 'with the clock at 1970'],
      ['tunnel/race', 'of two refusals the one about identity'],
      [RULES, 'clocks, timers, randomness'],
    ],
  },
  {
    id: 'GM-TLS',
    input: 'identity headers of a proxy, also forged ones',
    ends: 'only a trusted proxy’s counts, and only a certificate that the hub would admit',
  },
  {
    id: '#4693',
    input: 'a private key that others can read; power cut between key and certificate',
    ends: 'mode 0600; the old identity or the new',
    also: [
      ['runtime/edgehub/join', 'a join leaves a key'],
      ['runtime/edgehub/join', 'a power cut at any step'],
      ['journal/private-file', 'a written file comes back'],
    ],
  },
];

/** Line 7 of what has to be shown: floods, and what others wait meanwhile. */
const FLOODS: readonly Row[] = [
  {
    id: 'C19',
    input: 'a flood of one client, a subscriber that stops reading, 256 MB, endless CONNECTs',
    ends: 'cut or slowed down; others wait at most 50 times as long as without it, memory stays',
  },
  {
    id: 'C23',
    input: 'half-open connections, headers and bodies without end, frames of 2 GB',
    ends: 'given up in time; others connect at most 50 times as late as without it',
  },
  {
    id: 'C24',
    input: '10,000 retained topics, 10,000 subscriptions, 50,000 messages for an absent client',
    ends: 'a quota, counted; memory stays',
  },
];

const DEVICE: readonly Row[] = [
  {
    id: 'D26',
    input: 'topics of another device, desired values, $SYS, the hub’s',
    ends: 'refused, counted',
  },
  { id: 'D27', input: 'a client id with another credential', ends: 'refused, the victim stays' },
  {
    id: 'D29',
    input: 'mutated MQTT packets, lengths that lie, bad UTF-8',
    ends: 'no crash, memory bounded',
    also: [
      [BUS, 'mutated packets end'],
      [BUS, 'a PUBLISH that announces 256 MB'],
      [BUS, 'names that could deceive'],
      ['runtime/eventbus/packet-scanner', 'any bytes are scanned'],
    ],
  },
  {
    id: 'D30',
    input: 'twin payloads: null, `__proto__`, 1e400, deep, lone surrogates',
    ends: 'refused, no prototype reached',
    also: [['runtime/eventbus/event-bus', 'is answered with ${code}']],
  },
  {
    id: 'D31',
    input: 'Modbus: wrong unit, short and long frames, late and endless answers',
    ends: 'never a value of another register',
    also: [
      ['mappers/modbus/bus-hostile', 'on a hostile serial line'],
      ['mappers/modbus/bus-hostile', 'on a hostile TCP connection'],
      ['mappers/modbus/frame', 'hostile bytes'],
      ['hardware-tests/mappers/late-replies.long', 'a slave that answers too late'],
    ],
  },
];

const GATEWAY: readonly Row[] = [
  {
    id: 'E32',
    input: 'a length of 4 GB or 32 MiB, a hundred times',
    ends: 'the session ends, memory stays',
  },
  {
    id: 'E34',
    input: 'null and wrong types in every field of every message',
    ends: 'no crash, refused as a breach',
    also: [
      ['protocol/message-codec', '50,000 damaged messages'],
      ['protocol/message-codec', 'any JSON at all'],
      ['cloud/cloudhub/hostile-gateway', 'hostile bytes close'],
    ],
  },
  {
    id: 'E35',
    input: 'certificate requests: huge, another name, CA, weak key, broken signature',
    ends: 'refused or issued by policy only',
    also: [
      [ENROL, 'a request with ${what}'],
      [ENROL, 'a request with any one byte'],
      [JOIN, 'an endless body'],
    ],
  },
  {
    id: 'E37',
    input: 'tokens: again, expired, another node’s, guessed',
    ends: 'refused, slowed down',
    also: [
      [ENROL, 'a wrong secret is told no more'],
      [ENROL, 'of two keys that come at once'],
      [ENROL, 'a flood of unknown tokens'],
      ['runtime/edgehub/join', 'a token for another node'],
    ],
  },
  { id: 'E39', input: '10^5 devices or refusals from one node', ends: 'a quota, counted' },
];

const CONFIGURATION: readonly Row[] = [
  {
    id: 'G48',
    input: 'a configuration half-written, wrong, older',
    ends: 'the previous one goes on',
  },
  {
    id: 'G49',
    input: 'a configuration by which the gateway or a mapper dies at its start',
    ends: 'the last that worked after three starts, and an alarm; a mapper that throws hurts itself',
    also: [
      ['runtime/alarms/alarm-book', 'what the status says of store'],
      ['runtime/devicetwin/writer', 'a mapper that throws'],
    ],
  },
];

const WEB: readonly Row[] = [
  {
    id: 'H50',
    input:
      'REST: guessing, cross-site requests, foreign origins, other people’s objects, mass assignment',
    ends: 'refused (ASVS 5.0, level 2, as far as an interface without pages has it)',
    also: [
      ['cloud/api/server', 'wrong tokens are slowed down'],
      ['cloud/api/server', 'each role may do its own'],
      ['cloud/api/server', 'every answer forbids sniffing'],
      [API, 'through loopback a foreign Host'],
      [API, 'whatever the body'],
      [API, 'two lengths in one request'],
      ['cloud/api/tls', 'with an identity the interface is HTTPS'],
    ],
  },
  {
    id: 'H51',
    input: 'WebSocket: foreign origin, a fragmented gigabyte, a deflate bomb',
    ends: 'closed, memory bounded',
    also: [
      [DOOR, 'a frame that ${what}'],
      [DOOR, 'a message in very many fragments'],
    ],
  },
  {
    id: 'H52',
    input: 'scripts in names, units, values, logs',
    ends: 'inert',
    absent: 'there is no web page yet; the interface answers JSON with nosniff',
  },
];

const SUPPLY: readonly Row[] = [
  {
    id: 'I53',
    input: 'installing and building from the lockfile, twice',
    ends: 'no script runs; SBOM = lockfile; one hash',
  },
  {
    id: 'J55',
    input: 'bundles: flipped, older, other product, wrong key, expired, slip, link, bomb',
    ends: 'refused, each',
  },
  {
    id: 'Sandbox',
    input: 'the units of systemd',
    ends: 'at most 1.7 and 1.3 of 10',
    also: [
      ['hardware-tests/e2e/units', '${unit} exposes at most'],
      ['hardware-tests/e2e/units.long', 'gateway and hub make no system call'],
    ],
  },
];

export const GROUPS: readonly Group[] = [
  { title: 'What KubeEdge had', rows: KUBEEDGE },
  { title: 'C. Floods', rows: FLOODS },
  { title: 'D. A hostile device', rows: DEVICE },
  { title: 'E. A hostile gateway against the hub', rows: GATEWAY },
  { title: 'G. A hostile or wrong configuration', rows: CONFIGURATION },
  { title: 'H. A hostile web client', rows: WEB },
  { title: 'I, J. Supply chain, updates, sandbox', rows: SUPPLY },
];
