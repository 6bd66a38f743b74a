import net from 'node:net'

/**
 * Loaded into an agent before everything else (`--import`): its connections come from the address that it listens on, as they
 * would from a machine of its own. So the proxy on loopback knows whose they are.
 */
const from = process.env.SOAK_DIAL_FROM!
const { connect } = net.Socket.prototype

net.Socket.prototype.connect = function (this: net.Socket, ...args: unknown[]) {
  // Node.js itself passes on what it has put in order: a list of options and callback.
  const options = Array.isArray(args[0]) ? args[0][0] : args[0]
  if (typeof options?.host === 'string' && options.host.startsWith('127.'))
    options.localAddress = from
  return Reflect.apply(connect, this, args)
} as typeof connect
