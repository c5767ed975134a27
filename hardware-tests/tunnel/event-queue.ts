/** Events in the order of their times; those of one time in the order they were added. */
export class EventQueue<T> {
  readonly #heap: { readonly at: number; readonly order: number; readonly event: T }[] = [];
  #order = 0;

  add(at: number, event: T): void {
    const heap = this.#heap;
    const entry = { at, order: this.#order++, event };
    let index = heap.push(entry) - 1;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      const above = heap[parent];
      if (above === undefined || before(above, entry)) break;
      heap[index] = above;
      index = parent;
    }
    heap[index] = entry;
  }

  next(): { readonly at: number; readonly event: T } | undefined {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop();
    if (first === undefined || last === undefined || heap.length === 0) return first;
    let index = 0;
    for (;;) {
      let child = 2 * index + 1;
      const [left, right] = [heap[child], heap[child + 1]];
      if (left === undefined) break;
      const least = right !== undefined && before(right, left) ? right : left;
      if (least === right) child++;
      if (before(last, least)) break;
      heap[index] = least;
      index = child;
    }
    heap[index] = last;
    return first;
  }
}

interface Entry {
  readonly at: number;
  readonly order: number;
}

function before(a: Entry, b: Entry): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}
