import type { ServerResponse } from 'node:http';
import { EdgeError } from '#protocol/errors.js';
import { historyDocument, historyQuestion } from '#protocol/history-document.js';
import type { HistoryPage, HistoryQuestion } from '#protocol/history-document.js';
import type { TwinAccess } from '../devicetwin/twin-access.js';
import { sendJson } from './exchange.js';

/** Where kept samples are found. */
export interface SampleSource {
  query(question: HistoryQuestion): Promise<HistoryPage>;
}

interface HistoryCall {
  readonly params: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  readonly response: ServerResponse;
}

interface HistoryParts {
  readonly twins: TwinAccess;
  readonly history?: SampleSource | undefined;
  readonly wallTime: () => number;
}

/** The samples that this gateway still keeps, sent or not. */
export async function sendHistory(
  { twins, history, wallTime }: HistoryParts,
  { params, query, response }: HistoryCall,
): Promise<void> {
  const device = `${params['namespace'] ?? ''}/${params['name'] ?? ''}`;
  const name = params['property'] ?? '';
  const twin = twins.device(device);
  if (twin === undefined)
    throw new EdgeError('EDGE_NO_DEVICE', `there is no device ${device}`, {
      hint: 'GET /api/v1/devices lists the configured devices.',
    });
  if (!twin.properties.some(({ property }) => property.name === name))
    throw new EdgeError('EDGE_NO_PROPERTY', `${device} has no property ${name}`, {
      hint: 'GET the device to see its properties.',
    });
  const question = historyQuestion(device, name, Object.fromEntries(query), wallTime());
  sendJson(response, 200, historyDocument((await history?.query(question)) ?? { samples: [] }));
}
