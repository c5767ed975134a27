import type { Command, Flag } from '#protocol/command-line/command.js';
import { ARCHITECTURES } from '../release/manifest.js';

const FLAGS: readonly Flag[] = [
  {
    name: 'root',
    value: 'FILE',
    default: '/etc/edgetwin/release-root.pub',
    summary: 'The public root keys that you trust, in base64, one a line.',
  },
  {
    name: 'architecture',
    value: 'NAME',
    choices: ARCHITECTURES,
    summary: 'The processor it is to be for; by default the one of this machine.',
  },
  {
    name: 'newer-than',
    value: 'COUNTER',
    summary: 'The counter of what is installed; an older or equal one is refused.',
  },
];

export const VERIFY_COMMAND: Command = {
  words: ['verify'],
  summary: 'Check a release bundle: who signed it, what for, and that every byte is right.',
  operands: [{ name: 'FILE', summary: 'The bundle.' }],
  flags: FLAGS,
  example: 'edgetwin verify edgetwin-0.1.0-arm64.bundle',
};
