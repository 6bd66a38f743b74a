/** Something that will happen at a moment of virtual time. */
export interface Scheduled {
  readonly at: number
  /** Ties are broken by who was scheduled first, which is what makes a run repeatable. */
  readonly sequence: number
  /** undefined: called off. */
  task: (() => void) | undefined
  readonly life: Life | undefined
}

/** One run of one process: what is scheduled on its behalf dies and sleeps with it. */
export interface Life {
  readonly name: string
  alive: boolean
  frozen: boolean
  /** When it was last frozen or thawed. */
  disturbedAt?: number
  /** Working off what was deferred. */
  thawing: boolean
  /** What came due while frozen, in order. */
  readonly deferred: Scheduled[]
}

/** Binary heap by (at, sequence). */
export class EventQueue {
  readonly #heap: Scheduled[] = []

  get size(): number {
    return this.#heap.length
  }

  peek(): Scheduled | undefined {
    return this.#heap[0]
  }

  push(item: Scheduled): void {
    const heap = this.#heap
    let at = heap.length
    heap.push(item)
    while (at > 0) {
      const up = (at - 1) >> 1
      const parent = heap[up]!
      if (!before(item, parent)) break
      heap[at] = parent
      at = up
    }
    heap[at] = item
  }

  pop(): Scheduled | undefined {
    const heap = this.#heap
    const top = heap[0]
    const last = heap.pop()
    if (top === undefined || last === undefined || heap.length === 0) return top
    let at = 0
    for (;;) {
      let down = at * 2 + 1
      if (down >= heap.length) break
      if (down + 1 < heap.length && before(heap[down + 1]!, heap[down]!)) down++
      const child = heap[down]!
      if (!before(child, last)) break
      heap[at] = child
      at = down
    }
    heap[at] = last
    return top
  }
}

function before(a: Scheduled, b: Scheduled): boolean {
  return a.at < b.at || (a.at === b.at && a.sequence < b.sequence)
}
