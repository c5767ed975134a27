import { searchSeries } from '#journal/series-query.js';
import type { DeviceController } from '../devicecontroller/device-controller.js';
import { keptSample } from '#protocol/history-document.js';
import type { HistoryPage, HistoryQuestion } from '#protocol/history-document.js';
import { samplePrefix } from '#protocol/sample-line.js';
import type { Histories } from '../fleet.js';
import type { NodeHistories } from './node-histories.js';

/** Answers questions about history from what is durable at this hub. */
export class HistoryDesk implements Histories {
  readonly #fleet: DeviceController;
  readonly #histories: NodeHistories;

  constructor(fleet: DeviceController, histories: NodeHistories) {
    this.#fleet = fleet;
    this.#histories = histories;
  }

  async history(question: HistoryQuestion): Promise<HistoryPage | undefined> {
    const { device, property, ...range } = question;
    const loop = this.#fleet.loopOfDevice(device);
    if (loop === undefined) return undefined;
    const series = await this.#histories.open(loop.name);
    const prefix = samplePrefix(device, property);
    const { rows, next } = await searchSeries(series, { prefix, ...range });
    const samples = rows.flatMap((row) => keptSample(row) ?? []);
    return next === undefined ? { samples } : { samples, next };
  }
}
