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

/** What is quick needs no word. */
const patience = 700

/** Says on a terminal what is waited for, when it takes longer than a moment. */
export async function during<T>(what: string, work: Promise<T>): Promise<T> {
  const progress = new Progress(process.stderr)
  const timer = setTimeout(() => progress.say(`${what} …`), patience)
  try {
    return await work
  } finally {
    clearTimeout(timer)
    progress.end()
  }
}
