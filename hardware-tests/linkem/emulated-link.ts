import { spawn, spawnSync, type ChildProcess, type SpawnOptions } from 'node:child_process';
import { once } from 'node:events';
import { accessSync, constants, existsSync, readFileSync, statSync } from 'node:fs';
import { createInterface, type Interface } from 'node:readline';
import { fileURLToPath } from 'node:url';

/** What one direction counted, in packets unless named otherwise. */
export interface WayCounts {
  readonly inPackets: number;
  readonly inBytes: number;
  readonly outPackets: number;
  readonly outBytes: number;
  readonly queueDrops: number;
  readonly lossDrops: number;
  readonly burstDrops: number;
  readonly blackoutDrops: number;
  readonly mtuDrops: number;
  readonly duplicated: number;
  readonly corrupted: number;
  readonly reordered: number;
  readonly writeErrors: number;
  readonly meanLossRun: number;
  readonly queueMsMean: number;
  readonly queueMsP95: number;
  readonly queueMsMax: number;
  readonly lateUsMean: number;
  readonly lateUsMax: number;
}

export interface LinkCounts {
  readonly seconds: number;
  readonly cpuSeconds: number;
  readonly up: WayCounts;
  readonly down: WayCounts;
}

/** Settings of a direction as the head of `linkem.c` lists them: `rate=10m,delay=50ms,loss=0.1`. */
export interface EmulatedLinkOptions {
  /** From A to B. */
  readonly up?: string;
  readonly down?: string;
  readonly both?: string;
  /** `SECONDS:up|down|both:SETTINGS`, from `zero` on. */
  readonly changes?: readonly string[];
  readonly seed?: number;
  /** TCP's congestion control at both ends; the kernel's default unless given. */
  readonly congestion?: Congestion;
}

export type Side = 'a' | 'b';
export type Congestion = 'cubic' | 'bbr';

const ADDRESS: Readonly<Record<Side, string>> = { a: '10.77.0.1', b: '10.77.0.2' };
/** B's further addresses: what dials one uses that congestion control, whatever the link's is. */
const ADDRESS_FOR: Readonly<Record<Congestion, string>> = { cubic: '10.77.0.3', bbr: '10.77.0.4' };
const DEVICE = 'lk0';
/** Longer than any measurement: nothing is left running whatever happens to us. */
const SECONDS_MAX = 600;
/** Packets: the device must not drop what the emulated queue would take. */
const DEVICE_QUEUE = 10_000;
const SOURCES = ['linkem.c', 'link.c', 'link.h'];

let made = 0;

/** Why no link can be emulated on this machine; undefined: it can. */
export function whyNoLink(): string | undefined {
  if (process.platform !== 'linux') return 'Linux';
  if (process.getuid?.() !== 0) return 'root, for network namespaces';
  const missing = ['gcc', 'ip', 'nsenter', 'sysctl'].find(
    (tool) => spawnSync('which', [tool]).status !== 0,
  );
  if (missing !== undefined) return missing;
  try {
    accessSync('/dev/net/tun', constants.R_OK | constants.W_OK);
  } catch {
    return '/dev/net/tun';
  }
  const name = `lkt${process.pid}`;
  if (spawnSync('ip', ['netns', 'add', name]).status !== 0) return 'the right to make namespaces';
  spawnSync('ip', ['netns', 'del', name]);
  return undefined;
}

/** Two network namespaces, A and B, and an emulated link between them. */
export class EmulatedLink {
  readonly #spaces: Readonly<Record<Side, string>>;
  readonly #emulator: ChildProcess;
  readonly #lines: Interface;
  readonly #children = new Set<ChildProcess>();
  #addressOfA = ADDRESS.a;

  private constructor(spaces: Readonly<Record<Side, string>>, emulator: ChildProcess) {
    this.#spaces = spaces;
    this.#emulator = emulator;
    if (emulator.stdout === null) throw new Error('linkem has no stdout');
    this.#lines = createInterface({ input: emulator.stdout });
  }

  static async open(options: EmulatedLinkOptions = {}): Promise<EmulatedLink> {
    const id = `${process.pid.toString(36)}${(made++).toString(36)}`;
    const spaces = { a: `lka${id}`, b: `lkb${id}` };
    const program = build();
    for (const space of Object.values(spaces)) run('ip', 'netns', 'add', space);
    for (const space of Object.values(spaces))
      inSpace(
        space,
        ...['sysctl', '-qw', 'net.ipv4.tcp_no_metrics_save=1'],
        // A second address stays when the first one goes.
        'net.ipv4.conf.all.promote_secondaries=1',
        ...['net.ipv6.conf.all.disable_ipv6=1', 'net.ipv6.conf.default.disable_ipv6=1'],
      );
    const settings = (['up', 'down', 'both'] as const).flatMap((way) =>
      options[way] === undefined ? [] : [`--${way}`, options[way]],
    );
    const changes = (options.changes ?? []).flatMap((change) => ['--at', change]);
    const args = ['--a', spaces.a, '--b', spaces.b, '--device', DEVICE, '--for', `${SECONDS_MAX}`];
    const emulator = spawn(
      program,
      [...args, '--seed', `${options.seed ?? 1}`, ...settings, ...changes],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    );
    const link = new EmulatedLink(spaces, emulator);
    try {
      await link.#line();
      for (const side of ['a', 'b'] as const) configure(spaces[side], side, options.congestion);
    } catch (error) {
      await link.close().catch(() => undefined);
      throw error;
    }
    return link;
  }

  /** Of the end on that side, as the other side reaches it. */
  address(side: Side): string {
    return ADDRESS[side];
  }

  /** Of B, for a flow with a congestion control of its own: several share one link. */
  addressFor(congestion: Congestion): string {
    return ADDRESS_FOR[congestion];
  }

  /** A has another address from now on, as in another network: what is bound to the old one dies. */
  moveA(host: number): void {
    const [former, next] = [this.#addressOfA, `10.77.0.${host}`];
    this.#addressOfA = next;
    // In this order there is no moment without an address, however slow this machine is.
    for (const [what, address] of [
      ['add', next],
      ['del', former],
    ] as const)
      inSpace(this.#spaces.a, 'ip', 'address', what, `${address}/24`, 'dev', DEVICE);
  }

  /** Starts a program on one side; `close` ends it. */
  spawn(side: Side, command: readonly string[], options: SpawnOptions = {}): ChildProcess {
    const space = `--net=/var/run/netns/${this.#spaces[side]}`;
    const child = spawn('nsenter', [space, ...command], {
      stdio: ['ignore', 'pipe', 'inherit'],
      ...options,
    });
    this.#children.add(child);
    child.once('exit', () => this.#children.delete(child));
    return child;
  }

  /** Now is the zero of time of blackouts and changes. */
  zero(): void {
    this.#emulator.kill('SIGUSR1');
  }

  /** What packets waited so far is not counted: the start-up is over. */
  settled(): void {
    this.#emulator.kill('SIGUSR2');
  }

  async close(): Promise<LinkCounts> {
    await Promise.all(
      [...this.#children].map(async (child) => {
        const exited = once(child, 'exit');
        child.kill('SIGKILL');
        await exited;
      }),
    );
    this.#emulator.kill('SIGTERM');
    try {
      return JSON.parse(await this.#line()) as LinkCounts;
    } finally {
      for (const space of Object.values(this.#spaces)) spawnSync('ip', ['netns', 'del', space]);
    }
  }

  async #line(): Promise<string> {
    const ended = once(this.#emulator, 'exit').then(() => undefined);
    const line = once(this.#lines, 'line').then(([text]) => text as string);
    const first = await Promise.race([line, ended.then(() => pause(line))]);
    if (first === undefined) throw new Error('linkem ended too early');
    return first;
  }
}

/** The last line may be read a little after the exit is known. */
function pause(line: Promise<string>): Promise<string | undefined> {
  const late = new Promise<undefined>((resolve) => setTimeout(resolve, 1_000, undefined));
  return Promise.race([line, late]);
}

function configure(space: string, side: Side, congestion: Congestion | undefined): void {
  const address = ADDRESS[side];
  inSpace(space, 'ip', 'address', 'add', `${address}/24`, 'dev', DEVICE);
  inSpace(space, 'ip', 'link', 'set', DEVICE, 'mtu', '1500', 'txqueuelen', `${DEVICE_QUEUE}`, 'up');
  inSpace(space, 'ip', 'link', 'set', 'lo', 'up');
  // By route: the sysctl refuses algorithms that the kernel calls restricted.
  const route = (to: string, control: Congestion): void =>
    inSpace(
      space,
      ...['ip', 'route', 'replace', to, 'dev', DEVICE, 'proto', 'kernel'],
      ...['scope', 'link', 'src', address, 'congctl', control],
    );
  if (congestion !== undefined) route('10.77.0.0/24', congestion);
  for (const [control, to] of Object.entries(ADDRESS_FOR) as [Congestion, string][])
    if (side === 'b') inSpace(space, 'ip', 'address', 'add', `${to}/32`, 'dev', DEVICE);
    else if (offered().has(control)) route(`${to}/32`, control);
}

/** What the kernel has, or loads when a route names it; an unknown one is no error of ours. */
export function offered(): ReadonlySet<string> {
  const file = '/proc/sys/net/ipv4/tcp_available_congestion_control';
  return new Set(readFileSync(file, 'utf8').trim().split(/\s+/));
}

function inSpace(space: string, ...command: readonly string[]): void {
  run('nsenter', `--net=/var/run/netns/${space}`, ...command);
}

/** Beside its compiled wrapper; again when a source is newer. */
function build(): string {
  const program = fileURLToPath(new URL('linkem', import.meta.url));
  const folder = fileURLToPath(new URL('../../../hardware-tests/linkem/', import.meta.url));
  const newest = Math.max(...SOURCES.map((name) => statSync(`${folder}${name}`).mtimeMs));
  if (existsSync(program) && statSync(program).mtimeMs > newest) return program;
  const fresh = `${program}.${process.pid}`;
  const sources = SOURCES.filter((name) => name.endsWith('.c')).map((name) => `${folder}${name}`);
  run('gcc', '-O2', '-Wall', '-o', fresh, ...sources, '-lm');
  run('mv', fresh, program);
  return program;
}

function run(program: string, ...args: readonly string[]): void {
  const { status, stderr, error } = spawnSync(program, args, { encoding: 'utf8' });
  if (status !== 0)
    throw new Error(`${program} ${args.join(' ')}: ${error?.message ?? stderr.trim()}`);
}
