import { fork } from 'node:child_process'
import { encodeFrame, FrameDecoder, frameHeaderBytes, sealFrame } from '../src/net/framing.ts'
import { decodeRaft, encodeRaft } from '../src/net/raft-codec.ts'
import { realSockets } from '../src/net/real-sockets.ts'
import type { Connection } from '../src/net/types.ts'
import type { Message } from '../src/raft/types.ts'

/**
 * What a replicated write costs on the wire: the raft codec beside JSON, both behind the same frames, alone
 * and over TCP to another process. Windows alternate, because the machine is never quite still.
 *
 *   node bench/codec.ts [--ms 300] [--passes 5]
 */
const option = (name: string, otherwise: number) => {
  const at = process.argv.indexOf(`--${name}`)
  return at < 0 ? otherwise : Number(process.argv[at + 1])
}
const millis = option('ms', 300)
const passes = option('passes', 5)
const from = '01933e0a-0000-7000-8000-000000000001'
const to = '01933e0a-0000-7000-8000-000000000002'

function append(count: number, size: number): Message {
  const entries = Array.from({ length: count }, (_, i) => ({
    index: 1_000_001 + i,
    term: 7,
    type: 'data' as const,
    data: new Uint8Array(size).fill(97),
  }))
  const prev = { prevIndex: 1_000_000, prevTerm: 7, commit: 999_990 }
  return { type: 'append', from, to, term: 7, ...prev, entries }
}

interface Codec {
  readonly name: string
  encode(message: Message): Uint8Array
  decode(bytes: Uint8Array): Message
}

const hive: Codec = {
  name: 'hive',
  encode: message => sealFrame(3, encodeRaft(message, frameHeaderBytes)),
  decode: bytes => decodeRaft(bytes, from, to),
}

const json: Codec = {
  name: 'JSON',
  encode: message => {
    const text = JSON.stringify(message, (_, value) =>
      value instanceof Uint8Array ? Buffer.from(value).toString('base64') : value,
    )
    return encodeFrame(3, Buffer.from(text))
  },
  decode: bytes => {
    const message = JSON.parse(Buffer.from(bytes).toString())
    for (const entry of message.entries) entry.data = Buffer.from(entry.data, 'base64')
    return message
  },
}

/** JSON at its best: the value is text already, so that nothing has to be converted. */
const jsonText: Codec = {
  name: 'JSON, values text',
  encode: message => encodeFrame(3, Buffer.from(JSON.stringify(message))),
  decode: bytes => JSON.parse(Buffer.from(bytes).toString()),
}

function textual(message: Message): Message {
  if (message.type !== 'append') return message
  const text = 'a'.repeat(100)
  return { ...message, entries: message.entries.map(e => ({ ...e, data: text })) } as never
}

function perSecond(work: () => void): number {
  const start = performance.now()
  let done = 0
  while (performance.now() - start < millis) for (let i = 0; i < 100; i++, done++) work()
  return (done / (performance.now() - start)) * 1000
}

function best(values: readonly number[]): string {
  const sorted = [...values].sort((a, b) => a - b)
  const k = (n: number) => `${(n / 1000).toFixed(0)} k`.padStart(8)
  return `${k(sorted[sorted.length >> 1]!)}${k(sorted.at(-1)!)}`
}

function alone(title: string, message: Message): void {
  console.log(`\n${title}, one core: messages/s, median and best of ${passes}`)
  const rows = [hive, json, jsonText].map(codec => {
    const said = codec === jsonText ? textual(message) : message
    const frame = codec.encode(said)
    return { codec, said, payload: frame.subarray(frameHeaderBytes), ins: [], outs: [] } as {
      codec: Codec
      said: Message
      payload: Uint8Array
      ins: number[]
      outs: number[]
    }
  })
  for (let pass = 0; pass < passes; pass++) {
    for (const { codec, said, payload, ins, outs } of rows) {
      outs.push(perSecond(() => codec.encode(said)))
      ins.push(perSecond(() => codec.decode(payload)))
    }
  }
  for (const { codec, payload, ins, outs } of rows) {
    const bytes = `${payload.length + frameHeaderBytes} B`.padStart(8)
    console.log(`  ${codec.name.padEnd(18)}${bytes}  encode${best(outs)}  decode${best(ins)}`)
  }
}

/** The other process: decodes what arrives and answers each append, as a follower does. */
function follow(): void {
  realSockets().listen(
    { host: '127.0.0.1', port: 0 },
    {
      listening: at => void process.send?.(at.port),
      accepted: connection => {
        const decoder = new FrameDecoder(2 ** 23)
        return {
          opened() {},
          drained() {},
          closed: () => process.exit(),
          received: bytes => {
            decoder.push(bytes)
            for (let frame = decoder.next(); frame; frame = decoder.next()) {
              const message = decodeRaft(frame.payload, from, to)
              if (message.type !== 'append') continue
              const index = message.prevIndex + message.entries.length
              const hints = { hintIndex: 0, hintTerm: 0 }
              const answer = { from: to, to: from, term: 7, index, rejected: false, ...hints }
              const response: Message = { type: 'append-response', ...answer }
              connection.write(sealFrame(3, encodeRaft(response, frameHeaderBytes)))
            }
          },
        }
      },
      failed: error => {
        throw error
      },
    },
  )
}

async function wire(port: number): Promise<void> {
  const message = append(1, 100)
  const decoder = new FrameDecoder(2 ** 23)
  let answered: () => void = () => {}
  const connection = await new Promise<Connection>(resolve => {
    const dialled = realSockets().dial(
      { host: '127.0.0.1', port },
      {
        opened: () => resolve(dialled),
        drained() {},
        closed() {},
        received: bytes => {
          decoder.push(bytes)
          for (let frame = decoder.next(); frame; frame = decoder.next()) {
            decodeRaft(frame.payload, to, from)
            answered()
          }
        },
      },
    )
  })
  console.log('\nTo another process and back, over TCP: appends answered/s')
  for (const inFlight of [1, 16, 256]) {
    const rates: number[] = []
    for (let pass = 0; pass < passes; pass++) {
      const start = performance.now()
      const rate = await new Promise<number>(resolve => {
        let done = 0
        let open = 0
        const send = () => {
          open++
          connection.write(hive.encode(message))
        }
        answered = () => {
          done++
          open--
          const elapsed = performance.now() - start
          if (elapsed < millis) send()
          else if (open === 0) resolve((done / elapsed) * 1000)
        }
        for (let i = 0; i < inFlight; i++) send()
      })
      rates.push(rate)
    }
    const median = [...rates].sort((a, b) => a - b)[rates.length >> 1]!
    const each = `${((1e6 / median) * inFlight).toFixed(0)} us`
    console.log(`  ${String(inFlight).padStart(4)} in flight ${best(rates)}   ${each} each`)
  }
  connection.destroy()
}

if (process.argv.includes('--follow')) {
  follow()
} else {
  alone('An append with one entry of 100 B', append(1, 100))
  alone('An append with 100 entries of 200 B', append(100, 200))
  const follower = fork(new URL(import.meta.url), ['--follow'])
  const port = await new Promise<number>(resolve => follower.once('message', resolve as never))
  await wire(port)
  follower.kill()
}
