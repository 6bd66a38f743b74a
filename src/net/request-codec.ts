import { MalformedError, Reader, Writer } from '../base/bytes.ts'
import type { ErrorCode } from '../base/errors.ts'
import { fromUtf8, utf8 } from '../base/utf8.ts'
import { frameHeaderBytes } from './framing.ts'
import { errorCode } from './hello-codec.ts'
import type { RequestOutcome } from './link-types.ts'

/**
 * Requests, responses and notices: a few binary fields, a JSON body, and a blob that rides raw behind it.
 * Encoders leave the frame's header free (see `sealFrame`); decoded blobs are views of the frame.
 */
export interface RequestFrame {
  readonly id: number
  readonly method: string
  readonly body: unknown
  readonly blob: Uint8Array
}

export interface ResponseFrame {
  readonly id: number
  readonly outcome: RequestOutcome
}

export interface NoticeFrame {
  readonly kind: string
  readonly body: unknown
  readonly blob: Uint8Array
}

const nothing = new Uint8Array(0)
const letGoKind = 'let-go'

/**
 * The one notice that links send by themselves: that request needs no answer. Not a frame of a kind of its own,
 * so that a build which knows nothing of it takes no offence.
 */
export function letGo(id: number): NoticeFrame {
  return { kind: letGoKind, body: id, blob: nothing }
}

/** The number of the request; undefined: some other notice. */
export function letGoOf({ kind, body }: NoticeFrame): number | undefined {
  return kind === letGoKind && typeof body === 'number' ? body : undefined
}

const header = new Uint8Array(frameHeaderBytes)
const failed = 0
const fine = 1

export function encodeRequest(request: RequestFrame): Uint8Array {
  const body = encodeBody(request.body)
  const out = start(body.length + request.blob.length + request.method.length)
  return out.u32(request.id).text(request.method).bytes(body).raw(request.blob).done()
}

export function decodeRequest(bytes: Uint8Array): RequestFrame {
  const input = new Reader(bytes)
  return { id: input.u32(), method: input.text(), body: readBody(input), blob: readRest(input) }
}

export function encodeResponse(response: ResponseFrame): Uint8Array {
  const { id, outcome } = response
  const body = encodeBody(outcome.ok ? outcome.body : refusal(outcome))
  const blob = (outcome.ok ? outcome.blob : undefined) ?? nothing
  const out = start(body.length + blob.length)
  return out
    .u32(id)
    .u8(outcome.ok ? fine : failed)
    .bytes(body)
    .raw(blob)
    .done()
}

export function decodeResponse(bytes: Uint8Array): ResponseFrame {
  const input = new Reader(bytes)
  const id = input.u32()
  const status = input.u8()
  if (status > fine) throw new MalformedError('a response that is neither good nor bad')
  const body = readBody(input)
  if (status === fine) return { id, outcome: { ok: true, body, blob: readRest(input) } }
  input.end()
  return { id, outcome: readRefusal(body) }
}

export function encodeNotice(notice: NoticeFrame): Uint8Array {
  const body = encodeBody(notice.body)
  const out = start(body.length + notice.blob.length + notice.kind.length)
  return out.text(notice.kind).bytes(body).raw(notice.blob).done()
}

export function decodeNotice(bytes: Uint8Array): NoticeFrame {
  const input = new Reader(bytes)
  return { kind: input.text(), body: readBody(input), blob: readRest(input) }
}

function start(contents: number): Writer {
  return new Writer(frameHeaderBytes + contents + 32).raw(header)
}

/** No body at all stands for undefined, which JSON cannot say. */
function encodeBody(body: unknown): Uint8Array {
  return body === undefined ? nothing : utf8(JSON.stringify(body))
}

function readBody(input: Reader): unknown {
  const bytes = input.bytes()
  if (bytes.length === 0) return undefined
  try {
    return JSON.parse(fromUtf8(bytes))
  } catch {
    throw new MalformedError('a body that is not JSON')
  }
}

function readRest(input: Reader): Uint8Array {
  return input.raw(input.left)
}

type Refusal = RequestOutcome & { ok: false }

function refusal(outcome: Refusal): { code: ErrorCode; message: string; remedy?: string } {
  const { code, message, remedy } = outcome
  return remedy === undefined ? { code, message } : { code, message, remedy }
}

function readRefusal(body: unknown): Refusal {
  if (typeof body !== 'object' || body === null) throw new MalformedError('a refusal without words')
  const { code, message, remedy } = body as Record<string, unknown>
  if (typeof message !== 'string') throw new MalformedError('a refusal without words')
  const out: Refusal = { ok: false, code: errorCode(code), message }
  return typeof remedy === 'string' ? { ...out, remedy } : out
}
