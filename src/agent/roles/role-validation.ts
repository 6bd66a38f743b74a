import { formatAddress } from '../../base/address.ts'
import type { Trace } from '../../base/trace.ts'
import type { Hello, ValidationHandler, Verdict } from '../../net/handshake.ts'
import type { Newcomer, Role } from '../../roles/role.ts'

/** A role's word about nodes at the door, as a rule of the first validation. It names the role that spoke. */
export function roleValidation(role: Role, trace: Trace): ValidationHandler {
  return (hello): Verdict => {
    try {
      const said = role.validate?.(newcomerOf(hello)) ?? { answer: 'accept' }
      switch (said.answer) {
        case 'accept':
          return { outcome: 'welcome' }
        case 'busy':
          return { outcome: 'busy', reason: `role ${role.name}: ${said.reason}` }
        case 'reject':
          return {
            outcome: 'rejected',
            code: said.code,
            reason: `role ${role.name}: ${said.reason}`,
          }
        default:
          return said satisfies never
      }
    } catch (error) {
      trace.error({ role: role.name, err: error }, 'a role cannot judge who comes; it is not asked')
      return { outcome: 'welcome' }
    }
  }
}

function newcomerOf({ id, name, address, dc, version, roles, allegiance }: Hello): Newcomer {
  const tag = allegiance?.tag ?? null
  return { id, name, address: formatAddress(address), dc, version, roles, tag }
}
