import * as v from 'valibot';
import { readTarget } from '#tunnel/transport.js';
import { GATEWAY_LIMITS } from '../limits.js';

const TARGET = 'must be host:port or udp:host:port, such as 127.0.0.1:80';
const TARGETS = GATEWAY_LIMITS.forwardTargets;

/** `forward` in gateway.yaml: what the hub's operators may reach through this gateway. */
export const forwardSchema = v.pipe(
  v.array(
    v.pipe(
      v.string(TARGET),
      v.check(isTarget, ({ input }) => wrong(input)),
    ),
    `must be a list; each ${TARGET}`,
  ),
  v.maxLength(TARGETS, `must not have more than ${TARGETS} entries`),
  v.description(
    'What operators of the hub may reach through this gateway with `edgetwin-hub forward`: ' +
      'host:port for TCP, udp:host:port for UDP, from the view of this gateway. Absent: nothing. ' +
      'Needs `transport: coded` or `auto`.',
  ),
);

function isTarget(text: string): boolean {
  try {
    readTarget(text);
    return true;
  } catch {
    return false;
  }
}

const PORTS: Readonly<Record<string, string>> = { http: '80', https: '443', ssh: '22' };

/** Addresses as a browser shows them are what people copy. */
function wrong(text: string): string {
  const [, scheme = '', host = '', port = PORTS[scheme] ?? ''] =
    /^(?:([a-z]+):\/\/)?(\[[^\]]+\]|[^:/]+)(?::(\d+))?\/?(?:\/.*)?$/.exec(text) ?? [];
  const meant = `${scheme === 'udp' ? 'udp:' : ''}${host}:${port}`;
  return isTarget(meant) ? `${TARGET} (did you mean ${meant}?)` : TARGET;
}
