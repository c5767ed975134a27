import { spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { flagsOf } from '../bundle.js';
import { freePort } from '../link.js';
import { EDGETWIN, EDGETWIN_HUB, mustRun, Program, runVerb } from '../programs.js';

interface Teardown {
  teardown(undo: () => unknown): void;
}

/** A hub as a real process, with both doors open. */
export interface HubSite {
  readonly data: string;
  readonly listen: string;
  readonly hub: Program;
  readonly verb: (...argv: string[]) => Promise<string>;
  readonly token: (node: string) => Promise<string>;
  readonly stop: () => Promise<unknown>;
}

export async function startHub(t: Teardown, ...more: string[]): Promise<HubSite> {
  const folder = await mkdtemp(join(tmpdir(), 'identity-site-'));
  const data = join(folder, 'hub');
  const listen = `127.0.0.1:${await freePort()}`;
  const hub = await Program.start('hub', EDGETWIN_HUB, [
    ...['run', '--json', '--data', data, '--listen', listen, '--api', '127.0.0.1:0', '--udp'],
    ...more,
  ]);
  t.teardown(async () => {
    await hub.stop();
    await rm(folder, { recursive: true, force: true });
  });
  const verb = (...argv: string[]): Promise<string> =>
    mustRun(EDGETWIN_HUB, [...argv, '--data', data]);
  const token = (node: string): Promise<string> => verb('token', 'create', '--node', node);
  return { data, listen, hub, verb, token, stop: () => hub.stop() };
}

/** A gateway without devices, which may live in another time. */
export interface Gateway {
  readonly config: string;
  readonly join: (
    token: string,
    ...more: string[]
  ) => Promise<{ readonly code: number | null; readonly err: string }>;
  readonly run: () => Promise<Program>;
  readonly status: () => Promise<GatewayState>;
}

export interface GatewayState {
  readonly hub: {
    readonly connected: boolean;
    readonly transport: string;
    readonly lastError?: { readonly code: string; readonly message: string };
  };
  readonly time: { readonly quality: string };
}

export interface GatewayOptions {
  readonly node: string;
  readonly transport?: string;
  /** `wss://host:port`, instead of what the token says. */
  readonly hub?: string;
  /** The system's clock when each of its programs starts: `1970-01-01 00:01:00`. */
  readonly clock?: string;
}

export async function gateway(t: Teardown, options: GatewayOptions): Promise<Gateway> {
  const folder = await mkdtemp(join(tmpdir(), 'identity-gateway-'));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  const { node, transport = 'websocket', hub, clock } = options;
  const api = `127.0.0.1:${await freePort()}`;
  const config = join(folder, 'gateway.yaml');
  await mkdir(join(folder, 'devices'));
  const document = {
    ...{ node, transport, dataDir: 'data', api: { listen: api } },
    broker: { listen: '127.0.0.1:0' },
    ...(hub === undefined ? {} : { hub }),
  };
  await writeFile(config, JSON.stringify(document));
  // Monotonic time stays as it is: only the clock of the wall is wrong.
  // (Its library alone: the program `faketime` would stay between us and the gateway.)
  const faked = {
    LD_PRELOAD: '/usr/$LIB/faketime/libfaketime.so.1',
    FAKETIME: `@${clock}`,
    FAKETIME_DONT_FAKE_MONOTONIC: '1',
  };
  const env = { ...process.env, ...(clock === undefined ? {} : faked) };
  const join_ = async (token: string, ...more: string[]) => {
    const program = Program.launch(
      'join',
      EDGETWIN,
      ['join', '--config', config, '--token', token, ...more],
      { env },
    );
    program.ready().catch(() => undefined);
    const { code } = await program.exited;
    return { code, err: program.log.join('\n') };
  };
  const run = async (): Promise<Program> => {
    const execArgv = flagsOf(EDGETWIN);
    const args = ['run', '--json', '--config', config];
    const program = await Program.start(node, EDGETWIN, args, { execArgv, env });
    t.teardown(() => program.stop());
    return program;
  };
  const status = async (): Promise<GatewayState> => {
    const response = await fetch(`http://${api}/api/v1/status`);
    return (await response.json()) as GatewayState;
  };
  return { config, join: join_, run, status };
}

/** What a verb of the gateway prints, and how it ends. */
export function gatewayVerb(...argv: string[]): ReturnType<typeof runVerb> {
  return runVerb(EDGETWIN, argv);
}

export function hasFaketime(): boolean {
  return spawnSync('faketime', ['--version']).status === 0;
}
