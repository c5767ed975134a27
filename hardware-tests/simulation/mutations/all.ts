import { COMMANDS } from './commands.js';
import { DESIRED_STATE } from './desired.js';
import type { Mutation } from './mutation.js';
import { REPORTED } from './reported.js';
import { RESTORED_HUB } from './restored-hub.js';
import { RESTORED } from './restored.js';
import { SAMPLES } from './samples.js';

export const MUTATIONS: readonly Mutation[] = [
  ...REPORTED,
  ...SAMPLES,
  ...RESTORED,
  ...RESTORED_HUB,
  ...DESIRED_STATE,
  ...COMMANDS,
];
