import * as v from 'valibot';
import { EdgeError } from '#protocol/errors.js';
import { LIMITS } from '#protocol/limits.js';
import { PAGE_DEFAULT, PAGE_MAX } from '#protocol/page.js';
import { peerValue } from '#protocol/value-check-json.js';
import { HUB_COMMAND_LIMITS } from '../commands/limits.js';
import type { Commands, CommandView } from '../fleet.js';
import { commandDocument, CommandSchema } from './command-document.js';
import { PageQuery } from './page-query.js';
import { actorOf } from './operators.js';
import { route } from './route.js';
import type { Reply, Route, RouteRequest } from './route.js';

const Run = v.strictObject({
  method: v.pipe(v.string(), v.minLength(1), v.maxLength(LIMITS.nameChars)),
  args: v.exactOptional(
    v.pipe(v.unknown(), v.description('Values by property name, for the properties to write.')),
  ),
  ttlMs: v.exactOptional(
    v.pipe(
      v.number(),
      v.integer(),
      v.minValue(LIMITS.commandTtlMinMs),
      v.maxValue(LIMITS.commandTtlMaxMs),
      v.description(`Milliseconds that it may wait for its effect; ${LIMITS.commandTtlMs}.`),
    ),
  ),
});

const KEY = /^[\x21-\x7e]+$/;

/** Commands: asked for once, done at most once. */
export function commandRoutes(commands: Commands): readonly Route[] {
  return [
    route({
      method: 'POST',
      path: '/api/v1/devices/{namespace}/{name}/commands',
      access: 'operator',
      summary: 'Calls a method of a device, at most once and never after its time.',
      body: Run,
      headers: {
        'Idempotency-Key':
          'Own name of the command, up to 128 printable characters: the same key again gives the same command.',
      },
      answers: [
        {
          status: 202,
          summary: 'Durable at the hub. GET its Location, or watch it.',
          schema: CommandSchema,
        },
        {
          status: 200,
          summary: 'The key is known, and its command has ended.',
          schema: CommandSchema,
        },
      ],
      handle: (request) => run(commands, request),
    }),
    route({
      method: 'GET',
      path: '/api/v1/devices/{namespace}/{name}/commands',
      access: 'viewer',
      summary: 'The commands of a device, newest first; ended ones are kept for a while.',
      query: v.strictObject(PageQuery),
      answers: [
        {
          status: 200,
          summary: 'One page of commands.',
          schema: v.strictObject({
            commands: v.array(CommandSchema),
            next: v.exactOptional(v.string()),
          }),
        },
      ],
      handle: ({ params, query }) => {
        const found = commands.commandsOf(deviceId(params));
        if (found === undefined) throw noDevice(deviceId(params));
        const { items, ...next } = newestFirst(found, query);
        return { status: 200, body: { commands: items.map(commandDocument), ...next } };
      },
    }),
    route({
      method: 'GET',
      path: '/api/v1/commands/{command}',
      access: 'viewer',
      summary: 'One command.',
      answers: [{ status: 200, summary: 'The command.', schema: CommandSchema }],
      handle: ({ params }) => {
        const id = params['command'] ?? '';
        const command = commands.command(id);
        if (command !== undefined) return { status: 200, body: commandDocument(command) };
        throw new EdgeError('EDGE_NO_COMMAND', `there is no command ${id.slice(0, 64)}`, {
          hint: 'List those of the device; ended ones are forgotten when newer ones take their place.',
        });
      },
    }),
  ];
}

async function run(
  commands: Commands,
  request: RouteRequest<unknown, v.InferOutput<typeof Run>>,
): Promise<Reply> {
  const { params, body, identity } = request;
  const key = request.header('idempotency-key');
  if (key !== undefined && (key.length > HUB_COMMAND_LIMITS.keyChars || !KEY.test(key)))
    throw new EdgeError('EDGE_MALFORMED', 'Idempotency-Key is not a key', {
      hint: `Send 1 to ${HUB_COMMAND_LIMITS.keyChars} printable ASCII characters without spaces.`,
    });
  const command = await commands.run({
    device: deviceId(params),
    method: body.method,
    args: peerValue(body.args ?? {}),
    ttlMs: body.ttlMs ?? LIMITS.commandTtlMs,
    ...(key === undefined ? {} : { key }),
    actor: actorOf(identity),
  });
  const location = `/api/v1/commands/${command.id}`;
  const waits = command.state === 'new' || command.state === 'sent';
  return { status: waits ? 202 : 200, body: commandDocument(command), headers: { location } };
}

/** `after` is the id of the last one of the page before; one that is gone begins anew. */
function newestFirst(
  all: readonly CommandView[],
  query: { readonly limit?: string; readonly after?: string },
): { readonly items: readonly CommandView[]; readonly next?: string } {
  const limit = Math.min(Number(query.limit ?? PAGE_DEFAULT), PAGE_MAX);
  const from = all.findIndex(({ id }) => id === query.after) + 1;
  const items = all.slice(from, from + limit);
  const last = items.at(-1);
  const more = last !== undefined && from + limit < all.length;
  return { items, ...(more ? { next: last.id } : {}) };
}

function noDevice(id: string): EdgeError {
  return new EdgeError('EDGE_NO_DEVICE', `there is no device ${id}`, {
    hint: 'GET /api/v1/devices lists the devices that gateways have reported.',
  });
}

function deviceId(params: Readonly<Record<string, string>>): string {
  return `${params['namespace'] ?? ''}/${params['name'] ?? ''}`;
}
