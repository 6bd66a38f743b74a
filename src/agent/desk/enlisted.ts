/**
 * Who was asked to make room for the log and is in no configuration yet. Kept by the leader that asked, for as long as it
 * tries: who is not on this list, nor in the configuration, waits for nothing.
 */
export class Enlisted {
  readonly #asked = new Map<string, number>()

  /** Twice is once more: each ends by itself. */
  begin(id: string): void {
    this.#asked.set(id, (this.#asked.get(id) ?? 0) + 1)
  }

  end(id: string): void {
    const left = (this.#asked.get(id) ?? 0) - 1
    if (left > 0) this.#asked.set(id, left)
    else this.#asked.delete(id)
  }

  has(id: string): boolean {
    return this.#asked.has(id)
  }
}
