import { crc32 } from 'node:zlib'

/**
 * What happened, twice: as a running hash of everything (two runs of a seed are the same run exactly
 * when their hashes agree), and, only when somebody wants to read it, as lines.
 */
export class Trace {
  readonly #lines: string[] = []
  readonly #keep: number
  readonly #watch: ((line: string) => void) | undefined
  #a = 0x811c9dc5
  #b = 0x9e3779b9
  #count = 0
  /** Hear of every line that is said, wanted by readers or not. */
  readonly onSaid: ((who: string, what: string) => void)[] = []

  /** `keep`: newest lines to remember. `watch` hears of every line as it comes. */
  constructor(keep = 0, watch?: (line: string) => void) {
    this.#keep = keep
    this.#watch = watch
  }

  /** Are lines wanted at all? Saves making texts that nobody reads. */
  get reading(): boolean {
    return this.#keep > 0 || this.#watch !== undefined
  }

  /** Mixes a number into the hash. */
  mix(value: number): void {
    this.#a = Math.imul(this.#a ^ (value | 0), 0x01000193)
    this.#b = (Math.imul(this.#b ^ Math.floor(value / 2 ** 32), 0x85ebca6b) + this.#a) | 0
    this.#b ^= this.#b >>> 15
  }

  mixBytes(bytes: Uint8Array): void {
    this.mix(crc32(bytes))
    this.mix(bytes.length)
  }

  mixText(text: string): void {
    let a = this.#a
    for (let i = 0; i < text.length; i++) a = Math.imul(a ^ text.charCodeAt(i), 0x01000193)
    this.#a = a
    this.mix(text.length)
  }

  /** A line that both counts for the hash and can be read. */
  say(at: number, who: string, what: string): void {
    this.mix(Math.round(at * 1000))
    this.mixText(who)
    this.mixText(what)
    this.#count++
    for (const hear of this.onSaid) hear(who, what)
    if (this.reading) this.#write(at, who, what)
  }

  /** A line for readers alone: the hash has the fact already in a cheaper form. */
  note(at: number, who: string, what: () => string): void {
    if (this.reading) this.#write(at, who, what())
  }

  get lines(): readonly string[] {
    return this.#lines.length > this.#keep ? this.#lines.slice(-this.#keep) : this.#lines
  }

  digest(): string {
    const hex = (n: number) => (n >>> 0).toString(16).padStart(8, '0')
    return `${hex(this.#a)}${hex(this.#b)}-${this.#count}`
  }

  #write(at: number, who: string, what: string): void {
    const line = `${(at / 1000).toFixed(6).padStart(12)}  ${who.padEnd(5)} ${what}`
    this.#watch?.(line)
    if (this.#keep === 0) return
    this.#lines.push(line)
    if (this.#lines.length > this.#keep * 2) this.#lines.splice(0, this.#lines.length - this.#keep)
  }
}
