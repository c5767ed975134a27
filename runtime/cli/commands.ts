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
import { clientCommands } from './client-commands.js';
import { factoryResetCommand } from './factory-reset-command.js';
import { mapperCommands } from './mapper-commands.js';
import { VERIFY_COMMAND } from './verify-command.js';

const CONFIG: Flag = {
  name: 'config',
  value: 'FILE',
  summary: 'The configuration. Default: ./gateway.yaml, then /etc/edgetwin/gateway.yaml.',
};

/** The commands of the gateway's program. docs/cli.md is held against this table by a test. */
export const EDGETWIN: Program = {
  name: 'edgetwin',
  summary: 'the edge runtime of a gateway with sensors and a bad link',
  commands: [
    {
      words: ['run'],
      summary:
        'Run the gateway until SIGTERM or SIGINT. Its logs are JSON lines on standard error.',
      flags: [
        CONFIG,
        {
          name: 'last-good',
          value: 'FILE',
          summary:
            'Keep the configuration that works in FILE, and start by it when the present one is wrong.',
        },
        {
          name: 'prepared',
          value: 'FILE',
          summary:
            'What `edgetwin-hub prepare` wrote, on the boot partition: taken at the first start.',
        },
      ],
      example: 'edgetwin run --config gateway.yaml',
    },
    {
      words: ['check'],
      summary: 'Check the configuration and the device files, and change nothing.',
      flags: [CONFIG],
      example: 'edgetwin check --config gateway.yaml',
    },
    {
      words: ['join'],
      summary: 'Become a node of the hub that made the token: key, certificate and address.',
      flags: [
        CONFIG,
        {
          name: 'token',
          value: 'TOKEN',
          required: true,
          summary: 'What `edgetwin-hub token create` printed.',
        },
        {
          name: 'key',
          value: 'URI',
          summary:
            'The key stays in a PKCS#11 token: pkcs11:token=...;object=...;pin-source=file:/...',
        },
        {
          name: 'request',
          value: 'FILE',
          summary: 'A certification request in PEM that this key has signed; goes with --key.',
        },
        { name: 'force', summary: 'Replace the identity that is there.' },
      ],
      example: 'edgetwin join --config gateway.yaml --token "$TOKEN"',
    },
    {
      words: ['status'],
      summary: 'Show the link to the hub, the store, the broker and the mappers.',
      flags: [CONFIG],
      example: 'edgetwin status',
    },
    {
      words: ['alarm', 'clear'],
      summary: 'Take an alarm that was seen from `status`; EDGE_UNDELIVERED empties its list too.',
      operands: [{ name: 'CODE', summary: 'The alarm, as `status` shows it.' }],
      flags: [CONFIG, DRY_RUN_FLAG],
      example: 'edgetwin alarm clear EDGE_UNDELIVERED',
    },
    {
      words: ['backup'],
      summary: 'Write what this gateway keeps to one file, also while it runs.',
      operands: [BACKUP_FILE_OPERAND],
      flags: [CONFIG, ...BACKUP_FLAGS],
      example: 'edgetwin backup /media/usb/pi-1.backup',
    },
    {
      words: ['restore'],
      summary: 'Put a backup in the place of what is kept now; the gateway must not run.',
      operands: [BACKUP_FILE_OPERAND],
      flags: [CONFIG, ...RESTORE_FLAGS],
      example: 'edgetwin restore --dry-run /media/usb/pi-1.backup',
    },
    {
      words: ['twin', 'get'],
      summary: 'Show a device, or one property of it, as this gateway knows it.',
      operands: [DEVICE_OPERAND, { ...PROPERTY_OPERAND, optional: true }],
      flags: [CONFIG],
      example: 'edgetwin twin get default/meter-1',
    },
    {
      words: ['twin', 'set'],
      summary: 'Set a property from here, also while offline; the hub decides on conflicts.',
      operands: [DEVICE_OPERAND, PROPERTY_OPERAND, VALUE_OPERAND],
      flags: [CONFIG, ...SET_FLAGS],
      example: 'edgetwin twin set default/meter-1 setpoint 42.5 --wait',
    },
    {
      words: ['twin', 'watch'],
      summary: 'Print every change until interrupted.',
      operands: [{ ...DEVICE_OPERAND, optional: true }],
      flags: [CONFIG],
      example: 'edgetwin twin watch --json',
    },
    {
      words: ['history'],
      summary:
        'Print samples of a property with history that this gateway still keeps, one a line.',
      operands: [DEVICE_OPERAND, PROPERTY_OPERAND],
      flags: [CONFIG, ...HISTORY_FLAGS],
      example: 'edgetwin history default/meter-1 power --last 1h',
    },
    ...clientCommands(CONFIG),
    ...mapperCommands(CONFIG),
    factoryResetCommand(CONFIG),
    VERIFY_COMMAND,
    completionCommand('edgetwin'),
  ],
};
