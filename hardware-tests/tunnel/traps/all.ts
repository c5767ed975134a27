import { CONGESTION_TRAPS } from './congestion-traps.js';
import { RECOVERY_TRAPS } from './recovery-traps.js';
import { SESSION_TRAPS } from './session-traps.js';
import type { Trap } from './trap.js';

export const TRAPS: readonly Trap[] = [...RECOVERY_TRAPS, ...CONGESTION_TRAPS, ...SESSION_TRAPS];
