import type { Command, Flag } from '#protocol/command-line/command.js';
import type { ControlClient } from '#protocol/command-line/control-client.js';
import type { Arguments } from '#protocol/command-line/parse.js';
import type { CommandHandler, Terminal } from '#protocol/command-line/terminal.js';
import { DRY_RUN_FLAG } from '#protocol/command-line/time-text.js';

type Verb = (client: ControlClient, args: Arguments, terminal: Terminal) => Promise<void>;

const ROOT_KEY: Flag = {
  name: 'root-key',
  value: 'FILE',
  summary: 'The key of the root, when it is kept offline.',
};

/** Who may be a node: the commands of `identity-verbs.ts`. */
export function identityCommands(data: Flag): readonly Command[] {
  return [
    {
      words: ['token', 'list'],
      summary: 'List the join tokens that have not expired, without their secrets.',
      flags: [data],
      example: 'edgetwin-hub token list --data hub',
    },
    {
      words: ['token', 'revoke'],
      summary: 'Withdraw a join token; a gateway that joined with it stays.',
      operands: [{ name: 'TOKEN', summary: 'Its id, as `token list` shows it.' }],
      flags: [data, DRY_RUN_FLAG],
      example: 'edgetwin-hub token revoke --data hub 0123456789abcdef',
    },
    {
      words: ['prepare'],
      summary: 'Write what a gateway needs at its first start to one file for its boot partition.',
      operands: [{ name: 'NODE', summary: 'The gateway’s name.' }],
      flags: [
        data,
        { name: 'out', value: 'FILE', required: true, summary: 'A new file.' },
        { name: 'config', value: 'FILE', summary: 'A gateway.yaml to put into it.' },
        {
          name: 'with-key',
          summary: 'Put a key with its certificate into it: the gateway needs no hub to join.',
        },
        {
          name: 'ttl',
          value: 'TIME',
          default: '7d',
          summary: 'How long its token is valid: 90m, 24h, 7d.',
        },
      ],
      example: 'edgetwin-hub prepare pi-9 --data hub --out pi-9.json',
    },
    {
      words: ['revoke'],
      summary:
        'End the certificates and tokens of a gateway, and cut it off; only a new token lets it in.',
      operands: [{ name: 'NODE', summary: 'The gateway.' }],
      flags: [data, DRY_RUN_FLAG],
      example: 'edgetwin-hub revoke --data hub pi-1 --dry-run',
    },
    {
      words: ['authority', 'show'],
      summary: 'Show the root, the key that issues, and how far a change of the root has come.',
      flags: [data],
      example: 'edgetwin-hub authority show --data hub',
    },
    {
      words: ['authority', 'new-issuing'],
      summary: 'Make a new issuing key under the same root; gateways notice nothing.',
      flags: [data, ROOT_KEY, DRY_RUN_FLAG],
      example: 'edgetwin-hub authority new-issuing --data hub --dry-run',
    },
    {
      words: ['authority', 'export-root'],
      summary: 'Move the key of the root to a file, to be kept offline; the hub runs without it.',
      flags: [
        data,
        {
          name: 'out',
          value: 'FILE',
          required: true,
          summary: 'A new file, on a medium that you can put away.',
        },
        DRY_RUN_FLAG,
      ],
      example: 'edgetwin-hub authority export-root --data hub --out /media/usb/root.key --dry-run',
    },
    {
      words: ['authority', 'rotate', 'begin'],
      summary: 'Make the next root; gateways learn to trust it beside the present one.',
      flags: [data, ROOT_KEY, DRY_RUN_FLAG],
      example: 'edgetwin-hub authority rotate begin --data hub --dry-run',
    },
    {
      words: ['authority', 'rotate', 'finish'],
      summary: 'Replace the root by the next one; gateways that were away follow later.',
      flags: [
        data,
        {
          name: 'distrust',
          summary: 'The old root was stolen: who has not learnt the next one must join again.',
        },
        { name: 'force', summary: 'Also when gateways do not trust the next root yet.' },
        DRY_RUN_FLAG,
      ],
      example: 'edgetwin-hub authority rotate finish --data hub --dry-run',
    },
  ];
}

/** Loaded when one of them is called. */
export function identityVerbs(
  connected: (verb: Verb) => CommandHandler,
): Readonly<Record<string, CommandHandler>> {
  const verbs = (): Promise<typeof import('./identity-verbs.js')> => import('./identity-verbs.js');
  return {
    'token list': connected(async (...call) => (await verbs()).tokenList(...call)),
    'token revoke': connected(async (...call) => (await verbs()).tokenRevoke(...call)),
    prepare: connected(async (...call) => (await import('./prepare-verb.js')).prepare(...call)),
    revoke: connected(async (...call) => (await verbs()).revoke(...call)),
  };
}

export function authorityVerbs(): Readonly<Record<string, CommandHandler>> {
  const names = ['show', 'new-issuing', 'export-root', 'rotate begin', 'rotate finish'];
  const verb =
    (name: string): CommandHandler =>
    async (...call) =>
      (await import('./authority-verbs.js')).AUTHORITY_VERBS[name]?.(...call);
  return Object.fromEntries(
    names.map((name) => [`authority ${name}`, verb(`authority ${name}`)] as const),
  );
}
