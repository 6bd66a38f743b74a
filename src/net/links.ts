import type { ErrorCode } from '../base/errors.ts'
import { encodeFrame, frameHeaderBytes, frameKind, sealFrame } from './framing.ts'
import { encodeSwim } from './gossip-codec.ts'
import { encodeReply } from './hello-codec.ts'
import { defaultLimits, maxRequests } from './limits.ts'
import type { Link } from './link.ts'
import { LinkTable } from './link-table.ts'
import type { CreateLinks, LinkLimits, Links, RequestOutcome } from './link-types.ts'
import { encodeRaft } from './raft-codec.ts'
import { encodeNotice, encodeRequest } from './request-codec.ts'
import type { Disbelief, Listener } from './types.ts'

/**
 * To somebody who believes this end and is not believed: no more than why, in place of an answer to its hello. Nobody hears a
 * word whose certificate never counted here, and who is not known to be out.
 */
function lastWord({ why, outOfTime, named }: Disbelief, isOut: (id: string) => boolean) {
  if (named !== undefined && isOut(named)) return rejection('REMOVED', 'it was removed')
  return outOfTime ? rejection('UNTRUSTED', why) : undefined
}

function rejection(code: ErrorCode, reason: string): Uint8Array {
  const verdict = { outcome: 'rejected', code, reason } as const
  return encodeFrame(frameKind.verdict, encodeReply({ verdict }))
}

/** One multiplexed, framed connection per pair of nodes: what the agent sees of `net`'s streams. */
export const createLinks: CreateLinks = parts => {
  const { clock, handlers, sockets } = parts
  const limits: LinkLimits = { ...defaultLimits, ...parts.limits }
  const table = new LinkTable(parts, limits, handlers)
  const empty = new Uint8Array(0)
  let listener: Listener | undefined
  let nextRequest = 1

  /** The link to use, if there is one and it has room; if there is none, a dial begins. */
  function usable(to: string): Link | undefined {
    const peer = table.find(to)
    if (peer && !peer.link) table.dialPeer(peer, 'in turn')
    const link = peer?.link
    return link && link.pending() <= limits.queueBytes ? link : undefined
  }

  function write(link: Link, frame: Uint8Array): boolean {
    if (frame.length > limits.frameBytes) return false
    link.write(frame)
    return true
  }

  function queued(to: string): number {
    const peer = table.find(to)
    return peer ? (peer.link?.pending() ?? 0) + peer.waitingBytes : 0
  }

  const request: Links['request'] = (to, method, body, timeout, done, blob = empty, signal) => {
    const refuse = (code: ErrorCode, message: string) => {
      const outcome: RequestOutcome = { ok: false, code, message, unsent: true }
      clock.soon(() => done(outcome))
    }
    if (signal?.aborted) return refuse('TIMEOUT', 'nobody waits for it any more')
    const peer = table.find(to)
    if (!peer || (!peer.link && !peer.target)) {
      // Not UNKNOWN_NODE: that the cluster does not know a node is for the one who was asked to say.
      refuse('TIMEOUT', `no address of ${to} is known`)
      return
    }
    if (peer.requests.size >= maxRequests || queued(to) > limits.queueBytes) {
      refuse('BUSY', `${peer.name} has too much to answer already`)
      return
    }
    const id = nextRequest
    const frame = sealFrame(frameKind.request, encodeRequest({ id, method, body, blob }))
    if (frame.length > limits.frameBytes) {
      refuse('TOO_LARGE', `a request of ${frame.length} bytes; ${limits.frameBytes} are allowed`)
      return
    }
    nextRequest = (id + 1) >>> 0
    peer.ask(id, frame, timeout, done, signal)
    if (!peer.link) table.dialPeer(peer, 'in turn')
  }

  return {
    listen(at) {
      listener = sockets.listen(at, {
        listening: bound => handlers.listening?.(bound),
        accepted: connection => table.accept(connection),
        refused: (from, no) => {
          handlers.foreign(from, no.why)
          return lastWord(no, id => handlers.isOut?.(id) ?? false)
        },
        failed: error => {
          if (!handlers.failed) throw error
          handlers.failed(error)
        },
      })
    },
    dialSeed: address => table.dialSeed(address),
    setAddress: (id, address) => table.setAddress(id, address),
    forget: id => table.forget(id),
    connect(id) {
      const peer = table.find(id)
      if (peer) table.dialPeer(peer, 'now')
    },
    renew: id => table.renew(id),
    doubt: id => table.doubt(id),
    isConnected: id => table.find(id)?.link !== undefined,
    connectedPeers: () => table.linked(),
    identity: id => table.find(id)?.link?.identity,
    hello: id => table.find(id)?.link?.hello,
    remote: id => table.find(id)?.link?.remote,
    sendRaft(to, message) {
      const link = usable(to)
      if (!link) return false
      return write(link, sealFrame(frameKind.raft, encodeRaft(message, frameHeaderBytes)))
    },
    sendSwim(to, message) {
      const link = usable(to)
      return link ? write(link, encodeFrame(frameKind.swim, encodeSwim(message))) : false
    },
    notice(to, kind, body, blob = empty) {
      const link = usable(to)
      if (!link) return false
      return write(link, sealFrame(frameKind.notice, encodeNotice({ kind, body, blob })))
    },
    queued,
    request,
    close() {
      listener?.close()
      table.close()
    },
  }
}
