import type { Socket } from 'node:net'
import type { Random } from '../../src/base/random.ts'

/** A lost segment is sent again after this, and then after twice as long each time, ms; the kernel's least. */
const retransmission = 200
/** So often at most: what is sent behind a lost segment tells of it, so that no flow waits for long pauses while it has much to say. */
const tries = 4
/** Bytes on their way in one direction of a connection before its sender has to wait, as a window would have it. */
const window = 256 * 1024

/** One direction between two nodes. */
export class Road {
  /** Part of the packets that is lost. */
  loss = 0
  /** On top, ms; a third of it more or less. */
  delay = 0
  readonly #dice: Random
  #cutAt: number | undefined
  /** Wait for the road to be open. */
  #waiting: (() => void)[] = []

  constructor(dice: Random) {
    this.#dice = dice
  }

  get isCut(): boolean {
    return this.#cutAt !== undefined
  }

  cut(): void {
    this.#cutAt ??= performance.now()
  }

  /** Who waits goes on when TCP would try again: the longer it was cut, the longer the pauses have become. */
  heal(): void {
    if (this.#cutAt === undefined) return
    const lasted = performance.now() - this.#cutAt
    this.#cutAt = undefined
    const waiting = this.#waiting
    this.#waiting = []
    for (const go of waiting) setTimeout(go, this.#dice.next() * lasted)
  }

  healed(go: () => void): void {
    this.#waiting.push(go)
  }

  datagram(deliver: () => void): void {
    if (this.isCut || this.#dice.next() < this.loss) return
    const late = this.#late()
    if (late === 0) deliver()
    else setTimeout(deliver, late)
  }

  /** All that comes from one socket goes to the other, in order and whole, but maybe late; so do its end and its reset. */
  stream(from: Socket, to: Socket): void {
    const flow = new Flow(from, to, this)
    from.on('data', bytes => flow.push(bytes.length, () => to.write(bytes)))
    from.on('end', () => flow.push(0, () => to.end()))
    from.on('close', failed => {
      // Who is gone needs no more of the other's bytes either.
      flow.push(0, () => (failed || from.readableEnded === false ? to.resetAndDestroy() : to.end()))
    })
    from.resume()
  }

  /** How long a segment takes, ms. */
  segment(): number {
    let late = this.#late()
    for (let i = 0; i < tries && this.#dice.next() < this.loss; i++) late += retransmission * 2 ** i
    return late
  }

  #late(): number {
    return this.delay === 0 ? 0 : this.delay * (1 + (this.#dice.next() * 2 - 1) / 3)
  }
}

interface Piece {
  readonly bytes: number
  readonly due: number
  readonly deliver: () => void
}

/** What is under way of one direction of a connection. */
class Flow {
  readonly #from: Socket
  readonly #to: Socket
  readonly #road: Road
  readonly #pieces: Piece[] = []
  #bytes = 0
  #due = 0
  #waits = false

  constructor(from: Socket, to: Socket, road: Road) {
    this.#from = from
    this.#to = to
    this.#road = road
  }

  push(bytes: number, deliver: () => void): void {
    // Nothing overtakes what was said before.
    this.#due = Math.max(this.#due, performance.now() + this.#road.segment())
    this.#pieces.push({ bytes, due: this.#due, deliver })
    this.#bytes += bytes
    if (this.#bytes > window) this.#from.pause()
    this.#go()
  }

  #go(): void {
    if (this.#waits) return
    for (let piece = this.#pieces[0]; piece; piece = this.#pieces[0]) {
      if (this.#road.isCut) return this.#wait(go => this.#road.healed(go))
      // A process that stands still takes nothing in, and its peers are to feel that.
      if (this.#to.writableNeedDrain) return this.#wait(go => void this.#to.once('drain', go))
      const left = piece.due - performance.now()
      if (left > 0) return this.#wait(go => void setTimeout(go, left))
      this.#pieces.shift()
      this.#bytes -= piece.bytes
      piece.deliver()
    }
    if (this.#bytes <= window && this.#from.isPaused()) this.#from.resume()
  }

  #wait(until: (go: () => void) => void): void {
    this.#waits = true
    until(() => {
      this.#waits = false
      this.#go()
    })
  }
}
