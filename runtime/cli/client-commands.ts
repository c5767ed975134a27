import type { Command, Flag } from '#protocol/command-line/command.js';
import { DRY_RUN_FLAG } from '#protocol/command-line/time-text.js';

const NAME = { name: 'NAME', summary: 'The client: its user name, and its client id.' };

/** Who may use the MQTT broker with a password or a certificate; the gateway need not run. */
export function clientCommands(config: Flag): readonly Command[] {
  return [
    {
      words: ['client', 'add'],
      summary: 'Let an MQTT client in; its password is printed once, unless it has a certificate.',
      operands: [NAME],
      flags: [
        config,
        {
          name: 'device',
          value: 'DEVICE',
          repeated: true,
          summary:
            'Whose readings it may publish and what it may see: namespace/name, namespace/* or *. ' +
            'Devices whose document has `client: NAME` in configData are its own anyway.',
        },
        { name: 'write', summary: 'It may also set desired values of its devices.' },
        {
          name: 'topic',
          value: 'FILTER',
          repeated: true,
          summary: 'Topics of programs that it may publish and subscribe to: plant/#.',
        },
        {
          name: 'password-file',
          value: 'FILE',
          summary: 'The first line is its password, at least 12 characters; default: a random one.',
        },
        {
          name: 'certificate',
          value: 'CERTIFICATE',
          summary:
            'Instead of a password: it shows this certificate over TLS, a PEM file or its SHA-256.',
        },
        {
          name: 'subject',
          value: 'NAME',
          summary:
            'Instead of a password: it shows a certificate of `broker.tls.clientAuthority` with this common name.',
        },
        { name: 'force', summary: 'Replace the client that is there.' },
        DRY_RUN_FLAG,
      ],
      example: 'edgetwin client add meter-1 --device default/meter-1',
    },
    {
      words: ['client', 'list'],
      summary: 'List the MQTT clients with credentials and what they may do.',
      flags: [config],
      example: 'edgetwin client list',
    },
    {
      words: ['client', 'remove'],
      summary: 'Remove an MQTT client; a running gateway cuts it within seconds.',
      operands: [NAME],
      flags: [config, DRY_RUN_FLAG],
      example: 'edgetwin client remove meter-1',
    },
  ];
}
