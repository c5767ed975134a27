import type { Command, Flag } from '#protocol/command-line/command.js';
import type { ControlClient } from '#protocol/command-line/control-client.js';
import type { Arguments } from '#protocol/command-line/parse.js';
import type { CommandHandler, Terminal } from '#protocol/command-line/terminal.js';
import { DRY_RUN_FLAG } from '#protocol/command-line/time-text.js';

type Verb = (client: ControlClient, args: Arguments, terminal: Terminal) => Promise<void>;

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
      words: ['revoke'],
      summary:
        'End the certificates and tokens of a gateway, and cut it off; only a new token lets it in.',
      operands: [{ name: 'NODE', summary: 'The gateway.' }],
      flags: [data, DRY_RUN_FLAG],
      example: 'edgetwin-hub revoke --data hub pi-1 --dry-run',
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
    revoke: connected(async (...call) => (await verbs()).revoke(...call)),
  };
}
