/**
 * Runs what waits for commits strictly in commit order, also when one is refused: whoever listens
 * to the DeviceTwins sees one sequence.
 */
export class CommitOrder {
  #tail: Promise<void> = Promise.resolve();
  #waiting = 0;

  /** How many commits are under way. */
  get waiting(): number {
    return this.#waiting;
  }

  /** Resolves after the one callback that applies has run. */
  after(
    commit: Promise<void>,
    durable: () => void,
    refused: (error: unknown) => void,
  ): Promise<void> {
    this.#waiting++;
    const settled = commit.then(
      () => durable,
      (error: unknown) => () => refused(error),
    );
    this.#tail = this.#tail
      .then(() => settled)
      .then((run) => {
        this.#waiting--;
        run();
      });
    return this.#tail;
  }
}
