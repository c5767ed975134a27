/** Files that look at the peer's certificate themselves, step by step (docs/identity.md). */
const CERTIFICATE_JUDGES = [
  'runtime/edgehub/join-exchange.ts',
  'runtime/eventbus/tls-door.ts',
  'tunnel/coded/endpoint/tls-handshake.ts',
  'tunnel/websocket/listener.ts',
  'tunnel/websocket/secure-socket.ts',
];

/** Files that parse JSON by themselves: our own files, and bytes whose length was checked before. */
const JSON_READERS = [
  'cloud/cli/command-verbs.ts',
  'cloud/enrolment/authority-files.ts',
  'cloud/main.ts',
  'journal/backup-codec.ts',
  'journal/backup-file.ts',
  'journal/restore.ts',
  'journal/snapshot.ts',
  'journal/walk.ts',
  'mappers/compliance-mqtt.ts',
  'protocol/command-line/control-client.ts',
  'protocol/event-stream.ts',
  'protocol/sample-line.ts',
  'protocol/value-check-json.ts',
  'runtime/edgehub/identity-files.ts',
  'runtime/main.ts',
];

const PORT_FILES = ['protocol/clock.ts', 'protocol/random.ts'];
/** What no source of the product uses, what it uses instead, and the files that are that instead. */
export const BANNED: readonly {
  readonly name: string;
  readonly instead: string;
  readonly allowedIn?: readonly string[];
  /** What only tests import may use it. */
  readonly fixtures?: true;
}[] = [
  { name: 'Date.now', instead: 'Clock.wallTime or a `now` argument', allowedIn: PORT_FILES },
  { name: 'new Date()', instead: 'Clock.wallTime', allowedIn: PORT_FILES },
  { name: 'performance.now', instead: 'Clock.now or a `now` argument', allowedIn: PORT_FILES },
  { name: 'setTimeout', instead: 'Clock.setTimer', allowedIn: PORT_FILES },
  { name: 'setInterval', instead: 'Clock.setTimer', allowedIn: PORT_FILES },
  {
    name: 'setImmediate',
    instead: 'Clock.setTimer',
    allowedIn: [...PORT_FILES, 'runtime/eventbus/socket-guard.ts'],
  },
  { name: 'Atomics.wait', instead: 'Clock.nap, with a limit', allowedIn: PORT_FILES },
  { name: 'Math.random', instead: 'Random.unit', allowedIn: PORT_FILES },
  { name: 'console', instead: 'the injected Log, or the print of the command line' },
  { name: 'new Error()', instead: 'EdgeError with a code, a cause and a hint' },
  { name: 'eval', instead: 'nothing: no dynamic code' },
  { name: 'new Function()', instead: 'nothing: no dynamic code' },
  { name: 'Function()', instead: 'nothing: no dynamic code' },
  { name: 'import(variable)', instead: 'import() of a literal: no dynamic code' },
  { name: 'node:vm', instead: 'nothing: no dynamic code' },
  { name: 'process.dlopen', instead: 'a package with an owner' },
  { name: 'node:child_process', instead: 'nothing: no shell and no children outside tests' },
  { name: 'node:cluster', instead: 'nothing: one process' },
  { name: 'node:inspector', instead: 'nothing: --inspect of Node, by a person' },
  {
    name: 'node:worker_threads',
    instead: 'the SQL view',
    allowedIn: ['journal/sql-view.ts', 'journal/sql-worker.ts'],
  },
  { name: '__proto__', instead: 'a Map, or a key checked against FORBIDDEN_KEYS' },
  { name: 'Object.setPrototypeOf', instead: 'a class' },
  {
    name: 'rejectUnauthorized: false',
    instead: 'the default, or a judgement of the certificate in the file that says so',
    allowedIn: CERTIFICATE_JUDGES,
    fixtures: true,
  },
  {
    name: 'JSON.parse',
    instead: 'parseOutsideJson or parseBoundedJson',
    allowedIn: JSON_READERS,
    fixtures: true,
  },
];
