interface Event {
  readonly at: number
  readonly order: number
  readonly run: () => void
}

/** What will happen when, in simulated milliseconds; events of the same moment in the order given. */
export class Agenda {
  now: number
  #order = 0
  /** A binary heap, the earliest first. */
  readonly #heap: Event[] = []

  constructor(now: number) {
    this.now = now
  }

  later(delay: number, run: () => void): void {
    const event = { at: this.now + delay, order: this.#order++, run }
    const heap = this.#heap
    let at = heap.length
    while (at > 0) {
      const parent = (at - 1) >> 1
      if (!before(event, heap[parent]!)) break
      heap[at] = heap[parent]!
      at = parent
    }
    heap[at] = event
  }

  /** Lets so many ms pass. */
  run(duration: number): void {
    const end = this.now + duration
    for (let event = this.#pop(end); event !== undefined; event = this.#pop(end)) {
      this.now = Math.max(this.now, event.at)
      event.run()
    }
    this.now = end
  }

  #pop(end: number): Event | undefined {
    const heap = this.#heap
    const first = heap[0]
    if (first === undefined || first.at > end) return undefined
    const last = heap.pop()!
    if (heap.length === 0) return first
    let at = 0
    for (;;) {
      let child = at * 2 + 1
      if (child >= heap.length) break
      if (child + 1 < heap.length && before(heap[child + 1]!, heap[child]!)) child++
      if (!before(heap[child]!, last)) break
      heap[at] = heap[child]!
      at = child
    }
    heap[at] = last
    return first
  }
}

function before(a: Event, b: Event): boolean {
  return a.at !== b.at ? a.at < b.at : a.order < b.order
}
