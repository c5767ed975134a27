import { FILE_TARGETS } from './file-targets.js';
import type { FuzzTarget } from './fuzzer.js';
import { httpTarget } from './http-target.js';
import { LINE_TARGETS } from './line-targets.js';
import { MQTT_TARGETS } from './mqtt-targets.js';
import { PEER_TARGETS } from './peer-targets.js';
import { SIGNED_TARGETS } from './signed-targets.js';

/** A target for each parser that bytes from outside reach. `stop` ends what one of them serves. */
export async function fuzzTargets(): Promise<{
  readonly targets: readonly FuzzTarget[];
  readonly stop: () => Promise<void>;
}> {
  const http = await httpTarget();
  const targets = [
    ...[...MQTT_TARGETS, ...PEER_TARGETS, ...LINE_TARGETS],
    ...[...FILE_TARGETS, ...SIGNED_TARGETS, http.target],
  ];
  return { targets, stop: http.stop };
}
