/** One line on a terminal that says what goes on, and is gone afterwards; elsewhere nothing. */
export class Progress {
  readonly #stream: NodeJS.WriteStream
  #shown = false

  constructor(stream: NodeJS.WriteStream) {
    this.#stream = stream
  }

  say(text: string): void {
    if (!this.#stream.isTTY) return
    this.#shown = true
    this.#stream.write(`\r\u001b[2K${text}`)
  }

  end(): void {
    if (this.#shown) this.#stream.write('\r\u001b[2K')
    this.#shown = false
  }
}
