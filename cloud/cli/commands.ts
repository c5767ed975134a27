import {
  BACKUP_FILE_OPERAND,
  BACKUP_FLAGS,
  RESTORE_FLAGS,
} from '#protocol/command-line/backup-arguments.js';
import type { Flag, Program } from '#protocol/command-line/command.js';
import { completionCommand } from '#protocol/command-line/completion.js';
import { HISTORY_FLAGS } from '#protocol/command-line/history-verb.js';
import { DRY_RUN_FLAG } from '#protocol/command-line/time-text.js';
import { SET_FLAGS } from '#protocol/command-line/twin-set.js';
import {
  DEVICE_OPERAND,
  PROPERTY_OPERAND,
  VALUE_OPERAND,
} from '#protocol/command-line/twin-verbs.js';
import { ROLES } from '../api/roles.js';
import { identityCommands } from './identity-commands.js';

const DATA: Flag = {
  name: 'data',
  value: 'DIR',
  required: true,
  summary: 'The data folder of the hub.',
};

const OPERATOR_NAME: Flag = {
  name: 'name',
  value: 'NAME',
  required: true,
  summary: 'The operator’s name: lower case letters, digits, dots, dashes, underscores.',
};

/** The commands of the hub's program. docs/cli.md is held against this table by a test. */
export const EDGETWIN_HUB: Program = {
  name: 'edgetwin-hub',
  summary: 'the hub that edgetwin gateways report to',
  commands: [
    {
      words: ['run'],
      summary: 'Run the hub until SIGTERM or SIGINT. Its logs are JSON lines on standard error.',
      flags: [
        DATA,
        {
          name: 'listen',
          value: 'HOST:PORT',
          default: '0.0.0.0:7443',
          summary: 'Where gateways connect, with mutual TLS.',
        },
        {
          name: 'udp',
          summary: 'Let gateways in by UDP on the same port as well: `transport: auto` or `coded`.',
        },
        {
          name: 'resume',
          value: 'TIME',
          summary:
            'How long a connection by UDP outlives silence: 10s to 120s, 9.5 s unless given.',
        },
        {
          name: 'api',
          value: 'HOST:PORT',
          default: '127.0.0.1:7080',
          summary: 'Where the REST interface listens; elsewhere than on loopback it is HTTPS.',
        },
        {
          name: 'name',
          value: 'HOST',
          repeated: true,
          summary:
            'A name or address that gateways reach this hub by; it goes into its certificate.',
        },
        {
          name: 'tls-cert',
          value: 'FILE',
          summary:
            'A certificate chain of another authority, instead of one of the hub’s own; a renewed file is taken over.',
        },
        { name: 'tls-key', value: 'FILE', summary: 'The key of --tls-cert.' },
        {
          name: 'lapsed',
          value: 'TIME',
          default: '90d',
          summary:
            'How long after its end a gateway may still renew its certificate by its key; 0: never.',
        },
        {
          name: 'trusted-proxy',
          value: 'FINGERPRINT[:HEADER]',
          repeated: true,
          summary:
            'The SHA-256 of the certificate of a proxy that ends the TLS of gateways and forwards ' +
            'theirs in the header (X-SSL-Client-Cert); from others the header is refused.',
        },
        {
          name: 'log-level',
          value: 'LEVEL',
          choices: ['debug', 'info', 'warn', 'error'],
          default: 'info',
          summary: 'The least severe lines that are logged.',
        },
      ],
      example: 'edgetwin-hub run --data /var/lib/edgetwin-hub --name hub.example.com',
    },
    {
      words: ['backup'],
      summary: 'Write what this hub keeps to one file, also while it runs.',
      operands: [BACKUP_FILE_OPERAND],
      flags: [DATA, ...BACKUP_FLAGS],
      example: 'edgetwin-hub backup --data hub --with-identity /var/backups/hub.backup',
    },
    {
      words: ['restore'],
      summary: 'Put a backup in the place of what is kept now; the hub must not run.',
      operands: [BACKUP_FILE_OPERAND],
      flags: [DATA, ...RESTORE_FLAGS],
      example: 'edgetwin-hub restore --data hub /var/backups/hub.backup',
    },
    {
      words: ['token', 'create'],
      summary: 'Print a token with which one gateway can join, once.',
      flags: [
        DATA,
        {
          name: 'node',
          value: 'NODE',
          required: true,
          summary: 'The gateway’s name, as in its gateway.yaml.',
        },
        {
          name: 'ttl',
          value: 'TIME',
          default: '24h',
          summary: 'How long the token is valid: 90m, 24h, 7d.',
        },
      ],
      example: 'edgetwin-hub token create --data hub --node pi-1',
    },
    ...identityCommands(DATA),
    {
      words: ['operator', 'create'],
      summary: 'Make an operator and print its token, which is shown only now.',
      flags: [
        DATA,
        OPERATOR_NAME,
        {
          name: 'role',
          value: 'ROLE',
          required: true,
          choices: ROLES,
          summary:
            'A viewer reads, an operator also sets desired values, an admin may do everything.',
        },
        {
          name: 'nodes',
          value: 'NODE',
          repeated: true,
          summary:
            'Only for this gateway, or with * behind it those whose names begin so: it may read ' +
            'their devices and histories and, as an operator, set desired values.',
        },
        {
          name: 'ttl',
          value: 'TIME',
          summary: 'How long its token is valid: 12h, 90d; default: until removed.',
        },
      ],
      example:
        "edgetwin-hub operator create --data hub --name ann --role operator --nodes 'plant-*'",
    },
    {
      words: ['operator', 'list'],
      summary: 'List the operators.',
      flags: [DATA],
      example: 'edgetwin-hub operator list --data hub',
    },
    {
      words: ['operator', 'remove'],
      summary: 'Remove an operator; its token ends at once.',
      flags: [DATA, OPERATOR_NAME, DRY_RUN_FLAG],
      example: 'edgetwin-hub operator remove --data hub --name ann',
    },
    {
      words: ['audit'],
      summary: 'Print who did what and what was refused, oldest first; JSON lines with --json.',
      flags: [
        DATA,
        {
          name: 'since',
          value: 'TIME',
          summary: 'Only from then on: 12h or 7d before now, 2026-01-31, or RFC 3339.',
        },
        { name: 'actor', value: 'ACTOR', summary: 'Only this one: operator:ann, node:pi-1, hub.' },
        { name: 'node', value: 'NODE', summary: 'Only what concerns this gateway.' },
      ],
      example: 'edgetwin-hub audit --data hub --since 7d --json',
    },
    {
      words: ['nodes'],
      summary: 'List the gateways.',
      flags: [DATA],
      example: 'edgetwin-hub nodes --data hub',
    },
    {
      words: ['alarm', 'clear'],
      summary: 'Take an alarm that was seen from a gateway; EDGE_QUARANTINED lets it in again.',
      operands: [
        { name: 'NODE', summary: 'The gateway.' },
        { name: 'CODE', summary: 'The alarm, as `nodes` shows it.' },
      ],
      flags: [DATA, DRY_RUN_FLAG],
      example: 'edgetwin-hub alarm clear --data hub pi-1 EDGE_QUARANTINED',
    },
    {
      words: ['forward'],
      summary:
        'Open a port here that leads through a gateway to a target that its gateway.yaml allows, until interrupted.',
      operands: [
        { name: 'NODE', summary: 'The gateway; it is connected over the coded transport.' },
        {
          name: 'LISTEN:TARGET',
          summary:
            'host:port on loopback of the hub’s machine, a colon, host:port as the gateway reaches it.',
        },
      ],
      flags: [DATA, { name: 'udp', summary: 'Forward UDP instead of TCP.' }],
      example: 'edgetwin-hub forward --data hub pi-1 127.0.0.1:8080:127.0.0.1:80',
    },
    {
      words: ['devices'],
      summary: 'List the devices with the sync states of their properties.',
      flags: [DATA, { name: 'node', value: 'NODE', summary: 'Only those of this gateway.' }],
      example: 'edgetwin-hub devices --data hub --node pi-1',
    },
    {
      words: ['apply'],
      summary:
        'Create or change devices from KubeEdge Device and DeviceModel documents, all of them or none.',
      flags: [
        DATA,
        {
          name: 'file',
          short: 'f',
          value: 'FILE',
          required: true,
          repeated: true,
          summary: 'YAML or JSON, any number of documents; a model may stand in another FILE.',
        },
        {
          name: 'dry-run',
          summary: 'Check everything, say what would be done, and change nothing.',
        },
      ],
      example: 'edgetwin-hub apply --data hub -f pumps.yaml --dry-run',
    },
    {
      words: ['delete', 'device'],
      summary: 'End a device that was created here, with its values, at both ends.',
      operands: [DEVICE_OPERAND],
      flags: [DATA],
      example: 'edgetwin-hub delete device --data hub default/pump-2',
    },
    {
      words: ['twin', 'get'],
      summary: 'Show a device, or one property of it.',
      operands: [DEVICE_OPERAND, { ...PROPERTY_OPERAND, optional: true }],
      flags: [DATA],
      example: 'edgetwin-hub twin get --data hub default/meter-1',
    },
    {
      words: ['twin', 'set'],
      summary: 'Set what a property should be.',
      operands: [DEVICE_OPERAND, PROPERTY_OPERAND, VALUE_OPERAND],
      flags: [
        DATA,
        {
          name: 'if-version',
          value: 'VERSION',
          summary: 'Only if this is the present desired version; 0.0: none yet.',
        },
        ...SET_FLAGS,
      ],
      example: 'edgetwin-hub twin set --data hub default/meter-1 setpoint 42.5 --wait',
    },
    {
      words: ['twin', 'watch'],
      summary: 'Print every change until interrupted.',
      operands: [{ ...DEVICE_OPERAND, optional: true }],
      flags: [DATA],
      example: 'edgetwin-hub twin watch --data hub',
    },
    {
      words: ['history'],
      summary: 'Print samples of a property with history that this hub keeps, one a line.',
      operands: [DEVICE_OPERAND, PROPERTY_OPERAND],
      flags: [DATA, ...HISTORY_FLAGS],
      example: 'edgetwin-hub history --data hub default/meter-1 power --last 7d --json',
    },
    {
      words: ['command', 'run'],
      summary: 'Call a method of a device: at most once, never after its time.',
      operands: [
        DEVICE_OPERAND,
        { name: 'METHOD', summary: 'A method of the device, as `twin get --json` lists them.' },
        {
          name: 'ARGS',
          optional: true,
          summary: 'JSON: an object of values by property name.',
        },
      ],
      flags: [
        DATA,
        {
          name: 'ttl',
          value: 'TIME',
          default: '30s',
          summary: 'How long it may wait for its effect: 500ms, 30s, 5m, 2h, 7d at most.',
        },
        {
          name: 'key',
          value: 'KEY',
          summary: 'Your own name for it: the same key again is the same command.',
        },
        {
          name: 'wait',
          summary: 'Wait for its end. Exit code 0: done; 4: failed or expired; 1: nobody can know.',
        },
        DRY_RUN_FLAG,
      ],
      example: `edgetwin-hub command run --data hub default/pump-1 dose '{"ml":5}' --ttl 30s --wait`,
    },
    {
      words: ['command', 'list'],
      summary: 'List the commands of a device, newest first.',
      operands: [DEVICE_OPERAND],
      flags: [DATA],
      example: 'edgetwin-hub command list --data hub default/pump-1',
    },
    {
      words: ['command', 'show'],
      summary: 'Show what became of a command.',
      operands: [{ name: 'COMMAND', summary: 'Its id, as `command run` printed it.' }],
      flags: [DATA],
      example: 'edgetwin-hub command show --data hub 0123456789abcdef',
    },
    completionCommand('edgetwin-hub'),
  ],
};
