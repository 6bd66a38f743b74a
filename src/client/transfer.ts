/** One line on a terminal that says how far something is; nothing where nobody looks. */
export class Progress {
  readonly #what: string
  readonly #out: NodeJS.WriteStream
  #shownAt = 0

  constructor(what: string, out: NodeJS.WriteStream = process.stderr) {
    this.#what = what
    this.#out = out
  }

  show(bytes: number, of?: number): void {
    const now = performance.now()
    if (!this.#out.isTTY || now - this.#shownAt < 100) return
    this.#shownAt = now
    const whole = of !== undefined && of >= bytes ? ` of about ${sizeText(of)}` : ''
    this.#out.write(`\r\u001b[2K${this.#what}: ${sizeText(bytes)}${whole}`)
  }

  end(): void {
    if (this.#shownAt > 0) this.#out.write('\r\u001b[2K')
  }
}

/** `812 B`, `4.1 KiB`, `12 MiB`. */
export function sizeText(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB']
  let [size, unit] = [bytes, 0]
  while (size >= 1024 && unit < units.length - 1) {
    size /= 1024
    unit += 1
  }
  return `${unit === 0 || size >= 100 ? Math.round(size) : size.toFixed(1)} ${units[unit]}`
}
