/** Strict priority with a floor: one turn in so many goes to the waiting lower classes, in turn. */
export class Turns<Class> {
  readonly #classes: readonly Class[];
  readonly #floorEvery: number;
  #taken = 0;
  #floor = 0;

  /** `classes`: the most urgent first. */
  constructor(classes: readonly Class[], floorEvery: number) {
    this.#classes = classes;
    this.#floorEvery = floorEvery;
  }

  next(isReady: (candidate: Class) => boolean): Class | undefined {
    const first = this.#classes.find(isReady);
    if (first === undefined) return undefined;
    this.#taken++;
    if (this.#taken % this.#floorEvery !== 0) return first;
    const lower = this.#classes.filter((one) => one !== first && isReady(one));
    return lower.length === 0 ? first : lower[this.#floor++ % lower.length];
  }
}
