import { constants } from 'node:crypto'
import tls from 'node:tls'
import type { Credentials, Manner, Proof } from './credentials.ts'

/** TLS contexts of this node's credentials, made once for each and anew when they change. */
export class TlsContexts {
  readonly #credentials: () => Credentials
  readonly #made = new Map<
    string,
    { readonly proof: Proof | undefined; readonly context: tls.SecureContext }
  >()

  constructor(credentials: () => Credentials) {
    this.#credentials = credentials
  }

  get credentials(): Credentials {
    return this.#credentials()
  }

  /** Both ends of every connection. */
  get common() {
    return {
      minVersion: 'TLSv1.3',
      maxVersion: 'TLSv1.3',
      // Each connection proves itself anew: a ticket would outlive a certificate that is refused.
      secureOptions: constants.SSL_OP_NO_TICKET,
      checkServerIdentity: () => undefined,
    } as const
  }

  serves(manner: Manner): boolean {
    return this.#proof(manner) !== undefined
  }

  serverContext(manner: Manner): tls.SecureContext {
    return this.#context(`server ${manner}`, this.#proof(manner))
  }

  clientContext(manner: Manner): tls.SecureContext {
    return this.#context(
      `client ${manner}`,
      manner === 'token' ? undefined : this.credentials[manner],
    )
  }

  /** To a joiner with a token, a member shows the same as to other members. */
  #proof(manner: Manner): Proof | undefined {
    const { credentials } = this
    return manner === 'token' ? credentials.member : credentials[manner]
  }

  #context(name: string, proof: Proof | undefined): tls.SecureContext {
    const made = this.#made.get(name)
    if (made && made.proof === proof) return made.context
    const context = tls.createSecureContext({
      ...this.common,
      ecdhCurve: 'X25519:P-256',
      // Nobody else's word counts, least of all that of the machine's own authorities.
      ca: proof ? [...proof.authorities] : [],
      ...(proof && { cert: proof.chain, key: proof.key }),
    })
    this.#made.set(name, { proof, context })
    return context
  }
}
