/**
 * The rules of the house as a test: who may import whom, no cycles, one owner per external
 * package, file length, banned calls. Each rule is also shown failing on a planted breach.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join, posix } from 'node:path';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import ts from 'typescript';
import { BANNED } from './architecture-bans.js';

type Sources = ReadonlyMap<string, string>;
interface Import {
  readonly from: string;
  readonly line: number;
  /** A path such as `protocol/clock.ts`, a built-in such as `node:fs`, or a package name. */
  readonly target: string;
}

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const ROOMS = ['protocol', 'journal', 'tunnel', 'runtime', 'mappers', 'cloud', 'hardware-tests'];
const LINES_MAX = 400;
const MEDIAN_LINES_MAX = 150;

/** Which paths of other rooms a room's sources may import, by prefix. */
const ROOM_IMPORTS: Record<string, readonly string[]> = {
  protocol: [],
  journal: ['clock', 'manual-clock', 'random', 'errors', 'limits', 'log'].map(protocolFile),
  tunnel: ['clock', 'manual-clock', 'random', 'errors', 'limits', 'log'].map(protocolFile),
  mappers: ['protocol/'],
  runtime: ['protocol/', 'journal/', 'tunnel/transport.ts', ...tunnelFakes()],
  cloud: ['protocol/', 'journal/', 'tunnel/transport.ts', ...tunnelFakes()],
  'hardware-tests': ROOMS.map((room) => `${room}/`),
};

/** The only places where rooms are put together. */
const COMPOSITION_ROOTS: Record<string, readonly string[]> = {
  'runtime/main.ts': [
    'tunnel/',
    'mappers/registry.ts',
    'mappers/templates/library.ts',
    'mappers/tools/verbs.ts',
  ],
  'cloud/main.ts': ['tunnel/'],
};

/** One owner for each external package, so that replacing it touches one place. */
const PACKAGE_OWNERS: Record<string, readonly string[]> = {
  '@hono/node-server': ['cloud/api/'],
  '@peculiar/x509': ['cloud/enrolment/'],
  aedes: ['runtime/eventbus/'],
  'aedes-persistence': ['runtime/eventbus/'],
  hono: ['cloud/api/'],
  'modbus-serial': ['hardware-tests/simulators/', 'hardware-tests/bench/', 'mappers/modbus/'],
  re2js: ['mappers/serial/pattern.ts'],
  mqtt: ['mappers/mqtt-adapter.ts', 'mappers/mqtt-connection.ts'],
  'mqtt-packet': ['runtime/eventbus/'],
  'prom-client': ['cloud/api/'],
  'reflect-metadata': ['cloud/enrolment/'],
  serialport: ['mappers/serial-library.ts', 'mappers/serial-port.ts'],
  'sql.js': ['journal/sql-worker.ts'],
  valibot: ['cloud/api/', 'protocol/device-schema.ts', 'runtime/config/'],
  ws: ['tunnel/websocket/'],
  yaml: ['protocol/yaml-library.ts', 'protocol/yaml-file.ts'],
};

/** Pure by name: no built-in of Node may be reached from these but arithmetic. */
const PURE =
  /(^|\/)(reducer|sync-machine|message-codec|frame|plan|visitor|bus|record|backoff)\.ts$|^tunnel\/coded\/(galois|wire|codec|recovery|congestion|session|streams)\//;

/** Built-ins that compute and do nothing else (its crc32, its deflate of a whole buffer). */
const ARITHMETIC = ['node:zlib'];
/** Both ends compress alike, so this one file of protocol computes with one of them. */
const PROTOCOL_ARITHMETIC = 'protocol/message-compression.ts';

function protocolFile(name: string): string {
  return `protocol/${name}.ts`;
}

/** For tests of other rooms: a network in memory, and certificates. */
function tunnelFakes(): string[] {
  return ['tunnel/memory.ts', 'tunnel/test-authority.ts'];
}

function readSources(): Sources {
  const sources = new Map<string, string>();
  const visit = (folder: string): void => {
    for (const entry of readdirSync(join(ROOT, folder), { withFileTypes: true })) {
      const path = posix.join(folder, entry.name);
      if (entry.isDirectory()) visit(path);
      else if (entry.name.endsWith('.ts'))
        sources.set(path, readFileSync(join(ROOT, path), 'utf8'));
    }
  };
  for (const room of ROOMS) visit(room);
  return sources;
}

function parse(path: string, text: string): ts.SourceFile {
  return ts.createSourceFile(path, text, ts.ScriptTarget.ES2023, true);
}

function importsOf(path: string, text: string): Import[] {
  const file = parse(path, text);
  const found: Import[] = [];
  const visit = (node: ts.Node): void => {
    const specifier =
      (ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) && node.moduleSpecifier
        ? node.moduleSpecifier
        : ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword
          ? node.arguments[0]
          : undefined;
    if (specifier !== undefined && ts.isStringLiteral(specifier)) {
      const line = file.getLineAndCharacterOfPosition(node.getStart()).line + 1;
      found.push({ from: path, line, target: resolve(path, specifier.text) });
    }
    ts.forEachChild(node, visit);
  };
  visit(file);
  return found;
}

function resolve(from: string, specifier: string): string {
  if (specifier.startsWith('#')) return specifier.slice(1).replace(/\.js$/, '.ts');
  if (specifier.startsWith('.'))
    return posix.join(posix.dirname(from), specifier).replace(/\.js$/, '.ts');
  if (specifier.startsWith('node:')) return specifier;
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');
}

const roomOf = (path: string): string => path.split('/')[0] ?? '';
const isTest = (path: string): boolean => path.endsWith('.test.ts') || isCompliance(path);
const isCompliance = (path: string): boolean => /\/compliance(-mqtt)?\.ts$/.test(path);
const isFixture = (path: string): boolean => /\/(test-[^/]*|bus-fixture\.ts)$/.test(path);
const isProof = (path: string): boolean => isTest(path) || roomOf(path) === 'hardware-tests';
const within = (path: string, prefixes: readonly string[]): boolean =>
  prefixes.some((prefix) => path === prefix || (prefix.endsWith('/') && path.startsWith(prefix)));

/** `known`: every source that exists; by default those that are judged. */
function brokenImports(sources: Sources, known: Sources = sources): string[] {
  const breaches: string[] = [];
  for (const [path, text] of sources) {
    for (const { from, line, target } of importsOf(path, text)) {
      const at = `${from}:${line}`;
      if (target.startsWith('node:')) {
        if (isProof(from)) continue;
        const computes = from === PROTOCOL_ARITHMETIC && ARITHMETIC.includes(target);
        if (roomOf(from) === 'protocol' && from !== 'protocol/clock.ts' && !computes)
          breaches.push(`${at} imports ${target}: protocol imports nothing`);
        if (PURE.test(from) && !ARITHMETIC.includes(target))
          breaches.push(`${at} imports ${target}: a pure core does no I/O`);
      } else if (ROOMS.includes(roomOf(target)) && target.endsWith('.ts')) {
        if (!known.has(target)) breaches.push(`${at} imports ${target}, which does not exist`);
        const allowed = [
          `${roomOf(from)}/`,
          ...(ROOM_IMPORTS[roomOf(from)] ?? []),
          ...(COMPOSITION_ROOTS[from] ?? []),
        ];
        if (!within(target, allowed))
          breaches.push(`${at} imports ${target}: ${roomOf(from)} may not`);
      } else if (!isProof(from)) {
        const owners = PACKAGE_OWNERS[target];
        if (owners === undefined) breaches.push(`${at} imports ${target}, which has no owner`);
        else if (!within(from, owners))
          breaches.push(`${at} imports ${target}, owned by ${owners.join(' and ')}`);
      }
    }
  }
  return breaches;
}

function cycles(sources: Sources): string[] {
  const edges = new Map<string, string[]>();
  for (const [path, text] of sources)
    edges.set(
      path,
      importsOf(path, text).flatMap(({ target }) => (sources.has(target) ? [target] : [])),
    );
  const found: string[] = [];
  const done = new Set<string>();
  const visit = (path: string, trail: readonly string[]): void => {
    if (trail.includes(path)) {
      found.push([...trail.slice(trail.indexOf(path)), path].join(' -> '));
      return;
    }
    if (done.has(path)) return;
    for (const next of edges.get(path) ?? []) visit(next, [...trail, path]);
    done.add(path);
  };
  for (const path of edges.keys()) visit(path, []);
  return found;
}

function longFiles(sources: Sources): string[] {
  const files = [...sources]
    .map(([path, text]) => ({ path, lines: text.split('\n').length - 1 }))
    .sort((a, b) => a.lines - b.lines);
  const median = files[files.length >> 1]?.lines ?? 0;
  return [
    ...(median > MEDIAN_LINES_MAX ? [`the median is ${median} lines: one concept a file`] : []),
    ...files
      .filter(({ lines }) => lines > LINES_MAX)
      .map(({ path, lines }) => `${path} has ${lines} lines, at most ${LINES_MAX}: split it`),
  ];
}

/** What stands at the top level and is none of the rooms. */
function strangers(folders: readonly string[]): string[] {
  const expected = new Set([...ROOMS, '.ci', 'docs', '.git', 'node_modules', 'dist']);
  return folders.filter((name) => !expected.has(name));
}

function bannedUses(sources: Sources): string[] {
  const breaches: string[] = [];
  for (const [path, text] of sources) {
    if (isProof(path)) continue;
    const file = parse(path, text);
    const visit = (node: ts.Node): void => {
      const name = usedName(node);
      const rule = BANNED.find((banned) => banned.name === name);
      const isAllowed =
        (rule?.allowedIn ?? []).includes(path) || (rule?.fixtures === true && isFixture(path));
      if (rule !== undefined && !isAllowed) {
        const line = file.getLineAndCharacterOfPosition(node.getStart()).line + 1;
        breaches.push(`${path}:${line} uses ${rule.name}: use ${rule.instead}`);
      }
      ts.forEachChild(node, visit);
    };
    visit(file);
  }
  return breaches;
}

/** The banned thing that a node uses, in the words of BANNED; undefined for anything else. */
function usedName(node: ts.Node): string | undefined {
  if (ts.isPropertyAccessExpression(node) && node.name.text === '__proto__') return '__proto__';
  if (ts.isPropertyAccessExpression(node) && ts.isIdentifier(node.expression)) {
    if (node.expression.text === 'console') return 'console';
    return `${node.expression.text}.${node.name.text}`;
  }
  if (ts.isCallExpression(node)) return calledName(node);
  if (
    ts.isPropertyAssignment(node) &&
    node.name.getText() === 'rejectUnauthorized' &&
    node.initializer.kind !== ts.SyntaxKind.TrueKeyword
  )
    return 'rejectUnauthorized: false';
  if (ts.isNewExpression(node) && ts.isIdentifier(node.expression)) {
    if (node.expression.text === 'Date' && (node.arguments?.length ?? 0) > 0) return undefined;
    return `new ${node.expression.text}()`;
  }
  if (ts.isImportDeclaration(node) && ts.isStringLiteral(node.moduleSpecifier))
    return node.moduleSpecifier.text;
  return undefined;
}

function calledName(node: ts.CallExpression): string | undefined {
  const { expression } = node;
  if (expression.kind === ts.SyntaxKind.ImportKeyword)
    return ts.isStringLiteral(node.arguments[0] ?? node) ? undefined : 'import(variable)';
  if (!ts.isIdentifier(expression)) return undefined;
  return expression.text === 'Function' ? 'Function()' : expression.text;
}

const sources = readSources();

test('rooms import only what the table of the house allows, packages only their owners', (t) => {
  t.deepEqual(brokenImports(sources), []);
});

test('there are no import cycles', (t) => {
  t.deepEqual(cycles(sources), []);
});

test('no file is longer than 400 lines, and the median stays readable', (t) => {
  t.deepEqual(longFiles(sources), []);
});

test('clocks, timers, randomness, consoles, bare errors, children and dynamic code stay behind their ports', (t) => {
  t.deepEqual(bannedUses(sources), []);
});

test('the top level holds the seven rooms and nothing unexpected', (t) => {
  const folders = readdirSync(ROOT, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name);
  t.deepEqual(strangers(folders), []);
  for (const room of ROOMS) t.true(folders.includes(room), room);
});

const PLANTED_IMPORTS = [
  ['protocol/x.ts', "import '#journal/store.js';", 'protocol may not'],
  ['protocol/x.ts', "import 'node:fs';", 'protocol imports nothing'],
  ['protocol/x.ts', "import 'node:zlib';", 'protocol imports nothing'],
  ['protocol/message-compression.ts', "import 'node:fs';", 'protocol imports nothing'],
  ['journal/x.ts', "import '#protocol/twin.js';", 'journal may not'],
  ['tunnel/x.ts', "import '#protocol/sync-message.js';", 'tunnel may not'],
  ['runtime/x.ts', "import '#mappers/registry.js';", 'runtime may not'],
  ['runtime/x.ts', "import '#cloud/fleet.js';", 'runtime may not'],
  ['cloud/x.ts', "export * from '#runtime/devicetwin/twin-access.js';", 'cloud may not'],
  ['cloud/x.ts', "const late = await import('#mappers/registry.js');", 'cloud may not'],
  ['mappers/x.ts', "import '#journal/store.js';", 'mappers may not'],
  ['mappers/x.ts', "import '#hardware-tests/playground/main.js';", 'mappers may not'],
  ['mappers/x.ts', "import '#protocol/missing.js';", 'does not exist'],
  ['runtime/x.ts', "import ws from 'ws';", 'owned by tunnel/websocket/'],
  ['runtime/x.ts', "import x from '@scope/unheard/of';", '@scope/unheard, which has no owner'],
  ['runtime/devicetwin/reducer.ts', "import 'node:fs';", 'a pure core does no I/O'],
  ['tunnel/coded/wire/x.ts', "import 'node:dgram';", 'a pure core does no I/O'],
] as const;

for (const [path, text, expected] of PLANTED_IMPORTS) {
  test(`planted breach is found: ${path} with ${text}`, (t) => {
    const breaches = brokenImports(new Map([[path, text]]), sources);
    t.true(
      breaches.some((breach) => breach.includes(expected)),
      breaches.join('\n'),
    );
  });
}

const PLANTED_USES = [
  ['Date.now();', 'Date.now'],
  ['new Date();', 'new Date()'],
  ['performance.now();', 'performance.now'],
  ['setTimeout(f, 1);', 'setTimeout'],
  ['setInterval(f, 1);', 'setInterval'],
  ['setImmediate(f);', 'setImmediate'],
  ['Atomics.wait(cell, 0, 0, 1);', 'Atomics.wait'],
  ['Math.random();', 'Math.random'],
  ['console.log(1);', 'console'],
  ["throw new Error('x');", 'new Error()'],
  ["eval('1');", 'eval'],
  ["new Function('1');", 'new Function()'],
  ["import { exec } from 'node:child_process';", 'node:child_process'],
  ["Function('1');", 'Function()'],
  ['await import(name);', 'import(variable)'],
  ["import { runInThisContext } from 'node:vm';", 'node:vm'],
  ["process.dlopen(module, 'x');", 'process.dlopen'],
  ["import { fork } from 'node:cluster';", 'node:cluster'],
  ["import { open } from 'node:inspector';", 'node:inspector'],
  ["import { Worker } from 'node:worker_threads';", 'node:worker_threads'],
  ['a.__proto__ = b;', '__proto__'],
  ['Object.setPrototypeOf(a, b);', 'Object.setPrototypeOf'],
  ['connect({ rejectUnauthorized: false });', 'rejectUnauthorized: false'],
  ['JSON.parse(text);', 'JSON.parse'],
] as const;

for (const [text, expected] of PLANTED_USES) {
  test(`planted breach is found: ${text}`, (t) => {
    const breaches = bannedUses(new Map([['runtime/x.ts', text]]));
    t.is(breaches.length, 1);
    t.true(breaches[0]?.includes(`uses ${expected}: use `));
  });
}

test('each banned call and each room has a planted breach', (t) => {
  const planted = new Set<string>(PLANTED_USES.map(([, name]) => name));
  t.deepEqual(
    BANNED.filter(({ name }) => !planted.has(name)),
    [],
  );
  const rooms = new Set(PLANTED_IMPORTS.map(([path]) => roomOf(path)));
  // Nothing is forbidden to hardware-tests.
  t.deepEqual([...ROOMS.filter((room) => !rooms.has(room))], ['hardware-tests']);
});

test('planted breaches are found: a cycle, a long file, long files, an eighth room', (t) => {
  const looped = new Map([
    ['runtime/a.ts', "import './b.js';"],
    ['runtime/b.ts', "import '#runtime/a.js';"],
  ]);
  t.deepEqual(cycles(looped), ['runtime/a.ts -> runtime/b.ts -> runtime/a.ts']);
  const short = ['a', 'b'].map((name) => [`runtime/${name}.ts`, '\n'] as const);
  const long = ['runtime/long.ts', '\n'.repeat(LINES_MAX + 1)] as const;
  t.is(longFiles(new Map([...short, long])).length, 1);
  const longish = ['c', 'd', 'e'].map((name) => [name, '\n'.repeat(MEDIAN_LINES_MAX + 1)] as const);
  t.is(longFiles(new Map([...short, ...longish])).length, 1);
  t.deepEqual(strangers([...ROOMS, 'utils']), ['utils']);
});
