import type { Put } from './store.js';

/** The tables of all series of a store. */
export interface SeriesTables {
  /** Key: name, space, number of the last row. Lines of the rows of one transaction. */
  series: string;
  /** Key: name. */
  seriesState: SeriesState;
}

/** Numbers, both ends included; `to` below `from`: none. */
export interface NumberRange {
  readonly from: number;
  readonly to: number;
}

export interface SeriesState {
  /** Rows below this number are gone. */
  readonly first: number;
  /** All rows up to this one were consumed; may lag behind. */
  readonly consumed: number;
  /** How many numbers were given up before they were consumed. */
  readonly lost: number;
  /** The highest number given, when the series numbers its rows itself. */
  readonly last?: number;
}

export type SeriesPut = Put<SeriesTables>;
