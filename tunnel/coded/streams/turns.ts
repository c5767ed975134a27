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
    const [first, ...lower] = this.#classes.filter(isReady);
    if (first === undefined) return undefined;
    this.#taken++;
    if (lower.length === 0 || this.#taken % this.#floorEvery !== 0) return first;
    return lower[this.#floor++ % lower.length];
  }
}
