import { OperatorError } from '../../base/errors.ts'
import type { EpochMillis } from '../../base/time.ts'
import type { Cipher } from '../../net/datagrams.ts'
import {
  type Credentials,
  clusterUri,
  nodeUri,
  type Proof,
} from '../../net/security/credentials.ts'
import { GossipCipher } from '../../net/security/gossip-cipher.ts'
import type { Notary } from '../../net/security/notary.ts'
import { type ControlKey, controlKey, unseal } from '../../net/security/seal.ts'
import { secretGossipKey, secretValidity } from '../../net/security/secret.ts'
import { type JoinToken, joinTokenText, parseJoinToken } from '../../net/security/token.ts'
import type { Authority } from '../../net/security/x509.ts'
import type { Identity, IdentityStore, StoredRing } from './identity.ts'

/**
 * What this node can prove and whom it believes: its key, the cluster's secret, its certificate, a token's
 * fingerprint; and the keys of gossip. Whoever opens connections asks here at each, so a change counts at once.
 */
export interface SecurityParts {
  readonly notary: Notary
  readonly store: IdentityStore
  /** The cluster's secret, base64url. */
  readonly secret?: string
  /** What the node was started with, to get in by. */
  readonly token?: JoinToken
  /** Nobody outside this machine reaches the node: as long as it has nothing to prove, it need not. */
  readonly loopback: boolean
}

type Member = NonNullable<Identity['member']>

/** Certificates count from a little before they are made, for clocks that are behind, ms. */
const clockSlack = 3_600_000
/** When an authority begins to count says nothing: it is believed because it is agreed, ms. */
const authoritySlack = 365 * 86_400_000
/** An authority lives until it is rotated; this is longer than anybody waits, ms. */
const authorityLife = 10 * 365 * 86_400_000
/**
 * Room for every control key that something agreed may be sealed under at a time (of 4 authorities and 3 gossip
 * keys), and for the newest of rotations that came to nothing or are on their way.
 */
const controlKeysKept = 16
/** More than are sealed at a time. */
const openedKept = 16

export class Security {
  readonly notary: Notary
  readonly #store: IdentityStore
  readonly #secret: string | undefined
  readonly #loopback: boolean
  readonly #cipher: GossipCipher
  readonly #listeners: (() => void)[] = []
  /** Opened once, because every view of every node needs them. */
  readonly #opened = new Map<string, Uint8Array>()
  #identity: Identity
  /** Of which certificate it is known. */
  #lasts: { readonly text: string; readonly until: EpochMillis } | undefined
  /** Those of the identity, read; undefined: not asked for since it changed. */
  #controlKeys: readonly ControlKey[] | undefined
  /** The disk refused something, and is to be asked again before anybody is promised anything more. */
  #owed = false
  #refused: (error: OperatorError) => void = () => {}
  #id = ''
  readonly #given: JoinToken | undefined
  #token: JoinToken | undefined
  #made: Credentials = {}
  #secretAuthority: Authority | undefined
  #proof: { readonly id: string; readonly key: string; readonly proof: Proof } | undefined

  constructor({ notary, store, secret, token, loopback }: SecurityParts) {
    this.notary = notary
    this.#store = store
    this.#secret = secret
    this.#given = token
    this.#loopback = loopback
    this.#cipher = new GossipCipher(bytes => notary.random(bytes))
    const known = store.read()
    this.#identity = known ?? { key: notary.newKey() }
    if (!known) store.write(this.#identity)
    this.#token = this.#tokenNow()
    this.#renew()
  }

  /** SHA-256 of the node's public key: who it is. */
  get key(): string {
    return this.notary.fingerprint(this.#identity.key)
  }

  /** Nothing to prove, and nobody outside this machine to prove it to: connections are plain. */
  get open(): boolean {
    const { member } = this.#identity
    return this.#loopback && !this.#secret && !member && !this.#token
  }

  /** Nothing to prove, though others can reach this node. */
  get helpless(): boolean {
    const { member } = this.#identity
    return !this.#loopback && !this.#secret && !member && !this.#token
  }

  get hasSecret(): boolean {
    return this.#secret !== undefined
  }

  get credentials(): Credentials {
    return this.#made
  }

  get member(): Identity['member'] {
    return this.#identity.member
  }

  /** Until when what it has of its cluster proves it; undefined: it has nothing of one. */
  get memberUntil(): EpochMillis | undefined {
    const text = this.#identity.member?.certificate
    if (text === undefined) return undefined
    if (this.#lasts?.text !== text)
      this.#lasts = { text, until: this.notary.inspect(text).notAfter }
    return this.#lasts.until
  }

  /** Of gossip, now; undefined: none is needed. */
  get cipher(): Cipher | undefined {
    return this.open ? undefined : this.#cipher
  }

  /** Ids of the gossip keys that this node reads, and the one that it sends under; undefined: none of the cluster's. */
  get ring(): StoredRing | undefined {
    return this.#identity.gossip
  }

  /** Newest last. */
  get controlKeys(): readonly ControlKey[] {
    this.#controlKeys ??= (this.#identity.control ?? []).map(text =>
      controlKey(Buffer.from(text, 'base64url')),
    )
    return this.#controlKeys
  }

  /** A secret of the agreed state; undefined: this node has not the control key for it. */
  opened(sealed: string, what: string): Uint8Array | undefined {
    const known = this.#opened.get(sealed)
    if (known) return known
    const plain = unseal(this.controlKeys, sealed, what)
    if (plain) {
      if (this.#opened.size >= openedKept) this.#opened.clear()
      this.#opened.set(sealed, plain)
    }
    return plain
  }

  /** Called after every change of what others can see of it. */
  onChange(listener: () => void): void {
    this.#listeners.push(listener)
  }

  /** Called when the disk refuses something. */
  onRefused(listener: (error: OperatorError) => void): void {
    this.#refused = listener
  }

  /** Durable on return; throws OperatorError STORAGE: what this node goes by now, the next boot would not know. */
  settle(): void {
    if (this.#owed) this.#update(this.#identity)
  }

  /** The node's id, from now on. */
  be(id: string): void {
    if (id === this.#id) return
    this.#id = id
    this.#renew()
  }

  /** After a boot: what a process wrote that ended on the way out of its cluster, after the facts and before this. */
  tidy(left: boolean): void {
    const { member } = this.#identity
    if (!member) return
    const another = !this.notary.inspect(member.certificate).uris.includes(nodeUri(this.#id))
    if (another || left) this.forget(another)
  }

  /** What gets this node in; undefined: it has none, or needs none any more. */
  get token(): JoinToken | undefined {
    return this.#token
  }

  /** It has nothing to prove itself by but a token, which proves others: nobody is to take it for a node. */
  get incognito(): boolean {
    return this.#token !== undefined && !this.#secret && !this.#identity.member
  }

  /**
   * An operator gives it a token, kept until the node is in; undefined: it is to come without the one given before.
   * Throws OperatorError: it cannot be kept.
   */
  expect(token: JoinToken | undefined): void {
    const { token: before, ...rest } = this.#identity
    if (!token && before === undefined) return
    this.#update(token ? { ...rest, token: joinTokenText(token) } : rest)
    this.#token = this.#tokenNow()
    this.#renew()
  }

  /** What goes with the wish to be let in. */
  plea(name: string): Record<string, unknown> {
    const token = this.#token && { id: this.#token.id, secret: this.#token.secret }
    return { request: this.request(name), ...(token && { token }) }
  }

  /** For a certificate: proof that this node has its key. */
  request(name: string): string {
    return this.notary.request(this.#identity.key, name)
  }

  /** The cluster's word for this node. Throws OperatorError: it is not for us, or cannot be kept. */
  adopt(member: Member): void {
    if (this.notary.inspect(member.certificate).key !== this.key) {
      throw new OperatorError(
        'IDENTITY_MISMATCH',
        'the certificate is for another key than this node has',
      )
    }
    const { token: _, member: before, ...rest } = this.#identity
    const known = before?.tag === member.tag ? [before.former, before.certificate] : []
    this.#update({ ...rest, member: { ...member, ...this.#former(known, member) } })
    this.#token = undefined
    this.#renew()
  }

  /** Whom the cluster believes now. It is told again after a boot: that the disk refuses it keeps nobody from going on. */
  believe(authorities: readonly string[]): void {
    const { member } = this.#identity
    if (!member || authorities.length === 0) return
    if (JSON.stringify(member.authorities) === JSON.stringify(authorities)) return
    const { former, ...rest } = { ...member, authorities }
    this.#note({ ...this.#identity, member: { ...rest, ...this.#former([former], rest) } })
    this.#renew()
  }

  /** The first of these certificates that is of another authority than the present one, and of one that still counts. */
  #former(
    certificates: readonly (string | undefined)[],
    { certificate, authorities }: Member,
  ): Pick<Member, 'former'> {
    const others = authorities.filter(a => !this.#issued(a, certificate))
    const former = certificates.find(c => c && others.some(a => this.#issued(a, c)))
    return former === undefined ? {} : { former }
  }

  /** As with `believe`. */
  useRing(ring: StoredRing | undefined): void {
    if (JSON.stringify(ring) === JSON.stringify(this.#identity.gossip)) return
    const { gossip: _, ...rest } = this.#identity
    this.#note(ring ? { ...rest, gossip: ring } : rest)
    this.#renew()
  }

  /** True: it is new here. `needed`: ids of those that something agreed is sealed under, which none may push out. */
  learnControlKey(key: Uint8Array, needed: ReadonlySet<string>): boolean {
    const text = Buffer.from(key).toString('base64url')
    const known = this.#identity.control ?? []
    if (known.includes(text)) return false
    const idOf = (text: string) => controlKey(Buffer.from(text, 'base64url')).id
    const all = [...known, text]
    const spare = all.filter(text => !needed.has(idOf(text)))
    const dropped = new Set(spare.slice(0, Math.max(0, all.length - controlKeysKept)))
    this.#update({ ...this.#identity, control: all.filter(text => !dropped.has(text)) })
    return true
  }

  newControlKey(needed: ReadonlySet<string>): void {
    this.learnControlKey(this.notary.random(32), needed)
  }

  /** An authority for the cluster; `wall` is when it begins. */
  newAuthority(clusterName: string, wall: number): Authority {
    return this.notary.newAuthority({
      name: `hive ${clusterName}`,
      // A leader whose clock is ahead must not make one that nobody can use for days.
      notBefore: wall - authoritySlack,
      notAfter: wall + authorityLife,
      serial: this.notary.random(16),
    })
  }

  /** A certificate for whoever made the request. */
  issue(
    authority: Authority,
    to: {
      readonly publicKey: Uint8Array
      readonly id: string
      readonly tag: string
      readonly name: string
      readonly host: string
    },
    wall: number,
    lifetime: number,
  ): string {
    return this.notary.issue(authority, {
      publicKey: to.publicKey,
      name: to.name,
      uris: [nodeUri(to.id), clusterUri(to.tag)],
      hosts: [...new Set([to.host, `${to.name}.node.hive`, 'localhost', '127.0.0.1'])].filter(
        isHost,
      ),
      notBefore: wall - Math.min(clockSlack, lifetime / 10),
      notAfter: wall + lifetime,
      serial: this.notary.random(16),
    })
  }

  /**
   * Out of the cluster: nothing that it trusted this node with is kept. `anew`: another node, so another key. Where the disk
   * refuses, the next boot does it again (`tidy`).
   */
  forget(anew: boolean): void {
    this.#note({ key: anew ? this.notary.newKey() : this.#identity.key })
    this.#token = this.#tokenNow()
    this.#renew()
  }

  #tokenNow(): JoinToken | undefined {
    const { member, token } = this.#identity
    if (member) return undefined
    return token === undefined ? this.#given : parseJoinToken(token)
  }

  #update(identity: Identity): void {
    try {
      this.#store.write(identity)
      this.#owed = false
    } catch (error) {
      this.#owed = true
      if (error instanceof OperatorError) this.#refused(error)
      throw error
    }
    this.#take(identity)
  }

  /** What may be learned again counts here and now. */
  #note(identity: Identity): void {
    try {
      this.#update(identity)
    } catch (error) {
      if (!(error instanceof OperatorError)) throw error
      this.#take(identity)
    }
  }

  #take(identity: Identity): void {
    this.#identity = identity
    this.#controlKeys = undefined
  }

  #renew(): void {
    const { gossip, member } = this.#identity
    const secret = this.#secretProof()
    this.#made = {
      ...(member && {
        member: this.#proofBy(member.certificate, member),
        former: this.#proofBy(member.former ?? member.certificate, member),
      }),
      ...(secret && { secret }),
      ...(this.#token && { token: { authority: this.#token.ca } }),
    }
    const keys = gossip?.keys.map(k => ({ id: k.id, key: Buffer.from(k.key, 'base64url') }))
    const zombies = this.#secret ? { id: 0, key: secretGossipKey(this.#secret) } : undefined
    if (gossip && keys) {
      // The secret's key is not the cluster's to give; its ring only says whether it still counts.
      const own = keys.filter(k => k.id !== 0)
      const old = gossip.keys.some(k => k.id === 0) && zombies ? [zombies] : []
      this.#cipher.use({ primary: gossip.primary, keys: [...old, ...own] })
    } else {
      this.#cipher.use(zombies && { primary: 0, keys: [zombies] })
    }
    for (const listener of this.#listeners) listener()
  }

  #proofBy(certificate: string, { tag, authorities }: Member): Proof & { readonly tag: string } {
    const issuer = authorities.find(a => this.#issued(a, certificate)) ?? ''
    return { tag, chain: certificate + issuer, key: this.#identity.key, authorities }
  }

  #issued(authority: string, certificate: string): boolean {
    return this.notary.issued(authority, certificate)
  }

  #secretProof(): Proof | undefined {
    if (!this.#secret || this.#id === '') return undefined
    const { key } = this.#identity
    if (this.#proof?.key === key && this.#proof.id === this.#id) return this.#proof.proof
    this.#secretAuthority ??= this.notary.secretAuthority(this.#secret)
    const [notBefore, notAfter] = secretValidity
    const certificate = this.notary.issue(this.#secretAuthority, {
      publicKey: this.notary.readRequest(this.request(this.#id)).publicKey,
      name: this.#id,
      uris: [nodeUri(this.#id)],
      hosts: [],
      notBefore,
      notAfter,
      serial: this.notary.random(16),
    })
    const authority = this.#secretAuthority.certificate
    const proof = { chain: certificate + authority, key, authorities: [authority] }
    this.#proof = { id: this.#id, key, proof }
    return proof
  }
}

/** What can stand in a certificate as a name or an address. */
function isHost(host: string): boolean {
  return /^[A-Za-z0-9.:-]{1,253}$/.test(host)
}
