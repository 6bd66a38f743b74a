import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Door } from './doors.ts'

/**
 * Requests that a client sends over one connection without waiting for the answers. Node hands them on as they come;
 * but a read behind a write must find what was written, so only those may be dealt with side by side that change nothing
 * (RFC 9112 §9.3.2). Hardly anybody sends so: one after the other is enough.
 */
export function inOrder(door: Door): Door {
  const latest = new WeakMap<Socket, ServerResponse>()
  return (request, response) => {
    const { socket } = request
    const before = latest.get(socket)
    latest.set(socket, response)
    if (before === undefined || before.writableFinished) return door(request, response)
    before.once('close', () => {
      if (!socket.destroyed) door(request, response)
    })
  }
}
