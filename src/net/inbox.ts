import { MalformedError } from '../base/bytes.ts'
import { assert } from '../base/errors.ts'
import { encodeFrame, type Frame, frameKind, sealFrame } from './framing.ts'
import { decodeSwim } from './gossip-codec.ts'
import { maxAnonymousRequests, maxRequests } from './limits.ts'
import type { Link } from './link.ts'
import type { LinkHandlers, LinkLimits, RequestOutcome } from './link-types.ts'
import type { Peer } from './peer.ts'
import { decodeRaft } from './raft-codec.ts'
import {
  decodeNotice,
  decodeRequest,
  decodeResponse,
  encodeResponse,
  letGoOf,
} from './request-codec.ts'

/** What happens to a frame that arrived over a link. Every decoder here may throw MalformedError. */
export class Inbox {
  readonly #handlers: LinkHandlers
  readonly #limits: LinkLimits

  constructor(handlers: LinkHandlers, limits: LinkLimits) {
    this.#handlers = handlers
    this.#limits = limits
  }

  take(peer: Peer, link: Link, self: string, { kind, payload }: Frame): void {
    switch (kind) {
      case frameKind.raft:
        this.#handlers.raft(peer.id, decodeRaft(payload, peer.id, self), link.identity)
        break
      case frameKind.swim:
        this.#handlers.swim(peer.id, decodeSwim(payload), link.identity)
        break
      case frameKind.request:
        this.#serve(peer, link, payload)
        break
      case frameKind.response: {
        const { id, outcome } = decodeResponse(payload)
        peer.requests.settle(id, outcome)
        break
      }
      case frameKind.notice: {
        const notice = decodeNotice(payload)
        const unwanted = letGoOf(notice)
        if (unwanted !== undefined) return peer.unwanted([unwanted])
        const { kind, body, blob } = notice
        this.#handlers.notice(peer.id, kind, body, blob, link.identity)
        break
      }
      case frameKind.ping:
        if (link.pending() <= this.#limits.queueBytes) link.write(pong)
        break
      case frameKind.pong:
        break
      case frameKind.goodbye:
        link.saidGoodbye = true
        break
      default:
        throw new MalformedError(`a frame of the unknown kind ${kind}`)
    }
  }

  #serve(peer: Peer, link: Link, payload: Uint8Array): void {
    const { id, method, body, blob } = decodeRequest(payload)
    const session = link.peer?.session
    const most = link.identity?.kind === 'anonymous' ? maxAnonymousRequests : maxRequests
    if (peer.working >= most) {
      const message = 'this node has too many requests of yours to answer already'
      this.#respond(peer, session, id, { ok: false, code: 'BUSY', message })
      return
    }
    let answered = false
    let controller: AbortController | undefined
    peer.working++
    const answer = (outcome: RequestOutcome): void => {
      assert(!answered, `the request ${method} was answered twice`)
      answered = true
      peer.working--
      if (controller && peer.late.get(id) === controller) peer.late.delete(id)
      this.#respond(peer, session, id, outcome)
    }
    const gone = (): AbortSignal => {
      if (!controller) peer.late.set(id, (controller = new AbortController()))
      return controller.signal
    }
    this.#handlers.request(peer.id, method, body, blob, answer, link.identity, gone)
  }

  /** Over whichever link there is to the process that asked; if it is gone, so is the interest. */
  #respond(peer: Peer, session: string | undefined, id: number, outcome: RequestOutcome): void {
    const { link } = peer
    if (!link || link.peer?.session !== session) return
    // It takes nothing in; it will have stopped waiting before it could read this.
    if (link.pending() > this.#limits.queueBytes) return
    const frame = sealFrame(frameKind.response, encodeResponse({ id, outcome }))
    if (frame.length <= this.#limits.frameBytes) {
      link.write(frame)
      return
    }
    const message = `an answer of ${frame.length} bytes; ${this.#limits.frameBytes} are allowed`
    this.#respond(peer, session, id, { ok: false, code: 'TOO_LARGE', message })
  }
}

const pong = encodeFrame(frameKind.pong, new Uint8Array(0))
