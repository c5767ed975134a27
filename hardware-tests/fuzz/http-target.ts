import { EdgeError } from '#protocol/errors.js';
import { systemClock } from '#protocol/clock.js';
import { silentLog } from '#protocol/log.js';
import { createApp } from '#cloud/api/app.js';
import { API_LIMITS } from '#cloud/api/limits.js';
import { FailureLimit } from '#cloud/api/failure-limit.js';
import { Gate } from '#cloud/api/gate.js';
import { RequestRate } from '#cloud/api/request-rate.js';
import { ServedFleet } from '#cloud/api/served-fleet.js';
import type { FuzzTarget } from './fuzzer.js';

const TOKEN = 'edgetwin-op-fuzz';
const DEVICE = '/api/v1/devices/default/meter';

/** A line of method and path, then a body: through gate, query, schema and handler of the hub. */
export async function httpTarget(): Promise<{ target: FuzzTarget; stop: () => Promise<void> }> {
  const served = await ServedFleet.start();
  const app = createApp({
    routes: served.server.routes.filter(({ path }) => !path.includes('watch')),
    gate: new Gate(served.operators, TOKEN, {
      failures: new FailureLimit(API_LIMITS),
      rate: new RequestRate(API_LIMITS),
    }),
    bodyBytesMax: API_LIMITS.bodyBytes,
    ...{ clock: systemClock, log: silentLog, answered: () => undefined },
  });
  const socket = { remoteAddress: '127.0.0.1', localAddress: '127.0.0.1' };
  const env: unknown = { incoming: { socket } };
  const fuzz = async (data: Buffer): Promise<void> => {
    const end = Math.max(0, data.indexOf('\n'));
    const [method = 'GET', path = '/'] = data.subarray(0, end).toString('latin1').split(' ');
    const withBody = ['PUT', 'POST', 'DELETE'].includes(method);
    let request: Request;
    try {
      request = new Request(new URL(path, 'http://127.0.0.1:7080'), {
        method: withBody ? method : 'GET',
        headers: { authorization: `Bearer ${TOKEN}`, host: '127.0.0.1' },
        ...(withBody ? { body: data.subarray(end + 1) } : {}),
      });
    } catch (cause) {
      throw new EdgeError('EDGE_MALFORMED', 'no request at all', { cause });
    }
    const response = await app.fetch(request, env as never);
    await response.body?.cancel();
    if (response.status >= 500) throw new TypeError(`${method} ${path}: ${response.status}`);
    if (response.status >= 400) throw new EdgeError('EDGE_MALFORMED', String(response.status));
  };
  const target: FuzzTarget = {
    name: 'requests of the REST interface',
    rows: 'H50, CVE-2022-31074',
    share: 0.1,
    // A fetch of 50 us leaves streams and headers behind: 80 MiB after 10^5, 90 after 6 x 10^5.
    growthMaxMiB: 160,
    corpus: [
      `PUT ${DEVICE}/properties/setpoint/desired\n{"value":42.5}`,
      `GET ${DEVICE}\n`,
      'GET /api/v1/devices?limit=3&after=a%2Fb&node=pi-1\n',
      'GET /api/v1/audit?since=-1h&limit=5&actor=operator:ann\n',
      'POST /api/v1/operators\n{"name":"ann","role":"viewer"}',
      'POST /api/v1/tokens\n{"node":"pi-1","ttlHours":1}',
      'DELETE /api/v1/operators/ann\n',
    ].map((text) => Buffer.from(text)),
    fuzz,
  };
  return { target, stop: () => served.stop() };
}
