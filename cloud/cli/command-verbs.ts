import type { Arguments } from '#protocol/command-line/parse.js';
import type { ControlClient } from '#protocol/command-line/control-client.js';
import { printable, textTable } from '#protocol/command-line/text-table.js';
import { millisecondsOf } from '#protocol/command-line/time-text.js';
import type { Terminal } from '#protocol/command-line/terminal.js';
import { devicePath, readDevice } from '#protocol/command-line/twin-verbs.js';
import { EdgeError, isErrorCode } from '#protocol/errors.js';
import { checkCall } from '#protocol/method-call.js';
import type { Value } from '#protocol/twin.js';
import type { CommandDocument } from '../api/command-document.js';

/** `command run`: without `--wait` it is done when the hub has the command. */
export async function commandRun(
  client: ControlClient,
  args: Arguments,
  terminal: Terminal,
): Promise<void> {
  const path = devicePath(args.required('NAMESPACE/NAME'));
  const body = {
    method: args.required('METHOD'),
    args: argumentsOf(args.operand('ARGS')),
    ttlMs: millisecondsOf(args.required('ttl')),
  };
  if (args.on('dry-run')) {
    const device = await readDevice(client, args);
    checkCall(device, body.method, body.args as Value);
    const would = { device: device.id, ...body };
    print(
      would,
      `would run ${device.id} ${body.method} ${JSON.stringify(body.args)}\n`,
      args,
      terminal,
    );
    return;
  }
  const key = args.text('key');
  const headers: Record<string, string> = key === undefined ? {} : { 'idempotency-key': key };
  const ask = async (): Promise<CommandDocument> => {
    const request = { method: 'POST', path: `${path}/commands`, body, headers } as const;
    return (await client.request(request)).body as CommandDocument;
  };
  if (!args.on('wait')) {
    const accepted = await ask();
    print(accepted, `accepted ${accepted.id} ${summary(accepted)}\n`, args, terminal);
    return;
  }
  const command = await followed(client, terminal.signal, ask);
  print(command, `${command.id} ${summary(command)}\n`, args, terminal);
  if (command.state !== 'done') throw endError(command);
}

export async function commandList(
  client: ControlClient,
  args: Arguments,
  terminal: Terminal,
): Promise<void> {
  const path = `${devicePath(args.required('NAMESPACE/NAME'))}/commands`;
  const commands: CommandDocument[] = [];
  for (let after: string | undefined; ;) {
    const query = after === undefined ? '' : `?after=${encodeURIComponent(after)}`;
    const { body } = await client.request({ path: `${path}${query}` });
    const page = body as { commands: readonly CommandDocument[]; next?: string };
    commands.push(...page.commands);
    if (page.next === undefined) break;
    after = page.next;
  }
  const rows = commands.map((command) => [
    ...[command.id, command.created ?? '-', command.method, command.state],
    ...[command.actor, command.code ?? ''],
  ]);
  const table = textTable(['COMMAND', 'CREATED', 'METHOD', 'STATE', 'ACTOR', 'CODE'], rows);
  print({ commands }, table, args, terminal);
}

export async function commandShow(
  client: ControlClient,
  args: Arguments,
  terminal: Terminal,
): Promise<void> {
  const path = `/api/v1/commands/${encodeURIComponent(args.required('COMMAND'))}`;
  const command = (await client.request({ path })).body as CommandDocument;
  const lines = Object.entries(command).map(([name, value]) => [name, textOf(value)]);
  print(command, textTable(['FIELD', 'VALUE'], lines), args, terminal);
}

/** Watches first, asks then: no news can be missed between the two. */
async function followed(
  client: ControlClient,
  signal: AbortSignal,
  ask: () => Promise<CommandDocument>,
): Promise<CommandDocument> {
  const stop = new AbortController();
  const either = AbortSignal.any([signal, stop.signal]);
  let asked: CommandDocument | undefined;
  try {
    for await (const { event, data } of client.events('/api/v1/watch', either)) {
      asked ??= await ask();
      if (hasEnded(asked)) return asked;
      const news = data as CommandDocument;
      if (event === 'command' && news.id === asked.id && hasEnded(news)) return news;
    }
  } finally {
    stop.abort();
  }
  throw new EdgeError('EDGE_CONNECTION', `nobody waits for command ${asked?.id ?? ''} any more`, {
    hint: 'The command goes on: look with `command show`.',
  });
}

function hasEnded({ state }: CommandDocument): boolean {
  return state !== 'new' && state !== 'sent';
}

function endError({ id, state, code, detail }: CommandDocument): EdgeError {
  const why = detail === undefined ? '' : `: ${detail}`;
  if (state === 'unknown')
    return new EdgeError('EDGE_EFFECT_UNKNOWN', `command ${id} may have had its effect${why}`, {
      hint: 'Look at the device before you repeat it.',
    });
  const known = code !== undefined && isErrorCode(code) ? code : 'EDGE_DEVICE_REJECTED';
  return new EdgeError(known, `command ${id} ${state}${why}`, { remote: true });
}

function summary({ device, method, state, value, code, detail }: CommandDocument): string {
  const end = [
    ...(value === undefined ? [] : [JSON.stringify(value)]),
    ...(code === undefined ? [] : [code]),
    ...(detail === undefined ? [] : [detail]),
  ];
  return printable(`${device} ${method} ${state} ${end.join(' ')}`.trimEnd());
}

function argumentsOf(text: string | undefined): unknown {
  if (text === undefined) return {};
  try {
    return JSON.parse(text) as unknown;
  } catch (cause) {
    throw new EdgeError('EDGE_USAGE', 'the arguments are not JSON', {
      cause,
      hint: `Write an object by property name: '{"speed": 40}'.`,
    });
  }
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

function print(body: unknown, forPeople: string, args: Arguments, terminal: Terminal): void {
  terminal.out(args.on('json') ? `${JSON.stringify(body)}\n` : forPeople);
}
