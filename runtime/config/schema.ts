import * as v from 'valibot';
import { parseCycle } from '#protocol/device-document-cycle.js';
import { LIMITS } from '#protocol/limits.js';
import { NODE_NAME } from '#protocol/name.js';
import { GATEWAY_LIMITS } from '../limits.js';
import { forwardSchema } from './forward-schema.js';
import { historySchema } from './history-schema.js';
import { TLS_FILES } from './tls-schema.js';

/** Where a server listens. Port 0 lets the system choose. */
export interface ListenAddress {
  readonly host: string;
  readonly port: number;
}

const LISTEN = /^(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9.-]+)):(\d{1,5})$/;
const HUB = /^wss:\/\/(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9.-]+)(?::(\d{1,5}))?\/?$/;
const PORT_MAX = 65_535;
/** Less than the journal's own files would be used up by a start. */
const FLASH_BUDGET_MIN = 50;
const FLASH_BUDGET_MAX = 1_000_000;
/**
 * 16 GB of cells that bear 500 cycles, written four times as much as asked for (4 KiB blocks in
 * larger pages), take 2,000,000 MB: at 1,000 MB a day more than five years.
 */
const FLASH_BUDGET_DEFAULT = 1_000;

/** `host:port`, or `[address]:port` for IPv6, as the schema accepts it. */
export function parseListen(text: string): ListenAddress {
  const [, ipv6, host, port] = LISTEN.exec(text) ?? [];
  return { host: ipv6 ?? host ?? '', port: Number(port) };
}

const SYNC_WINDOW = `must be from 0 to ${GATEWAY_LIMITS.stateWindowMaxMs} ms, such as 500ms or 2s`;

function isSyncWindow(ms: number | undefined): boolean {
  return ms !== undefined && ms <= GATEWAY_LIMITS.stateWindowMaxMs;
}

const RESUME = `must be from 10 s to ${GATEWAY_LIMITS.resumeMaxMs / 1_000} s, such as 60s`;

function isResume(ms: number | undefined): boolean {
  return ms !== undefined && ms >= GATEWAY_LIMITS.resumeMinMs && ms <= GATEWAY_LIMITS.resumeMaxMs;
}

function listen(port: number, described: string) {
  const example = `127.0.0.1:${port}`;
  return v.optional(
    v.pipe(
      v.string(`must be host:port, such as ${example}`),
      v.regex(LISTEN, `must be host:port, such as ${example}`),
      v.check((text) => parseListen(text).port <= PORT_MAX, `has a port above ${PORT_MAX}`),
      v.description(described),
    ),
    example,
  );
}

/** gateway.yaml: one source for the types, the validation and docs/schemas/gateway.schema.json. */
export const gatewaySchema = v.strictObject(
  {
    node: v.pipe(
      v.string('must be text'),
      v.maxLength(
        LIMITS.nodeNameChars,
        `must not be longer than ${LIMITS.nodeNameChars} characters`,
      ),
      v.regex(NODE_NAME, 'must be lower-case letters, digits, "-" and "."'),
      v.description('Name of this gateway, as the hub knows it.'),
    ),
    dataDir: v.optional(
      v.pipe(
        v.string('must be text'),
        v.nonEmpty('must not be empty'),
        v.description('Folder of the durable store, relative to this file.'),
      ),
      'data',
    ),
    flashBudget: v.optional(
      v.pipe(
        v.number('must be a number of megabytes'),
        v.integer('must be a whole number of megabytes'),
        v.minValue(FLASH_BUDGET_MIN, `must be at least ${FLASH_BUDGET_MIN}`),
        v.maxValue(FLASH_BUDGET_MAX, `must be at most ${FLASH_BUDGET_MAX}`),
        v.description(
          'Megabytes of flash blocks that may be written in 24 hours. Near it commits wait for ' +
            'each other, beyond it sample history is not kept; state always is.',
        ),
      ),
      FLASH_BUDGET_DEFAULT,
    ),
    history: v.optional(historySchema, {}),
    hub: v.optional(
      v.pipe(
        v.string('must be wss://host:port'),
        v.regex(HUB, 'must be wss://host:port'),
        v.check(
          (url) => Number(HUB.exec(url)?.[1] ?? 0) <= PORT_MAX,
          `has a port above ${PORT_MAX}`,
        ),
        v.description('The hub. Without it the gateway runs alone.'),
      ),
    ),
    transport: v.optional(
      v.pipe(
        v.picklist(['websocket', 'coded', 'auto'], 'must be websocket, coded or auto'),
        v.description(
          'How the hub is reached: websocket (TCP), coded (UDP, for links that lose packets), or ' +
            'auto: whichever gets through, coded first. The hub must run with --udp for the last two.',
        ),
      ),
      'websocket',
    ),
    syncWindow: v.optional(
      v.pipe(
        v.union([v.string(), v.number()], SYNC_WINDOW),
        v.check((window) => isSyncWindow(parseCycle(window)), SYNC_WINDOW),
        v.description(
          'How long changes are gathered before they leave for the hub together, in ms or with a ' +
            'unit. The first change after a quiet time and the read-back of a desired value do ' +
            'not wait. Longer saves bytes on the link.',
        ),
      ),
      '1s',
    ),
    resume: v.exactOptional(
      v.pipe(
        v.union([v.string(), v.number()], RESUME),
        v.check((time) => isResume(parseCycle(time)), RESUME),
        v.description(
          'How long a connection over the coded transport outlives silence, so that what it carried ' +
            'goes on where it was. The hub has a flag of the same name. Absent: 9.5 s, from which silence is shown either way.',
        ),
      ),
    ),
    forward: v.optional(forwardSchema, []),
    broker: v.optional(
      v.strictObject(
        {
          listen: listen(1883, 'host:port of the MQTT broker for local clients.'),
          credentials: v.optional(
            v.pipe(
              v.picklist(['optional', 'required'], 'must be optional or required'),
              v.description(
                'required: programs of this machine need a name and password too; those of other ' +
                  'machines always do. `edgetwin client add` makes them.',
              ),
            ),
            'optional',
          ),
          tls: v.optional(
            v.strictObject(
              {
                listen: listen(8883, 'host:port of the MQTT broker with TLS.'),
                ...TLS_FILES,
              },
              'must be a map',
            ),
          ),
        },
        'must be a map',
      ),
      {},
    ),
    api: v.optional(
      v.strictObject(
        { listen: listen(10_550, 'host:port of the local REST interface.') },
        'must be a map',
      ),
      {},
    ),
    devices: v.optional(
      v.pipe(
        v.array(
          v.pipe(v.string('must be text'), v.nonEmpty('must not be empty')),
          'must be a list',
        ),
        v.description(
          'Files with Device and DeviceModel documents, relative to this file; *, ?, **.',
        ),
      ),
      ['devices/**/*.yaml', 'devices/**/*.yml', 'devices/**/*.json'],
    ),
    log: v.optional(
      v.strictObject(
        {
          level: v.optional(
            v.picklist(['debug', 'info', 'warn', 'error'], 'must be debug, info, warn or error'),
            'info',
          ),
        },
        'must be a map',
      ),
      {},
    ),
  },
  'must be a map',
);

export type GatewayDocument = v.InferOutput<typeof gatewaySchema>;

/** How the hub is reached. */
export type TransportChoice = GatewayDocument['transport'];
