import { OperatorError } from '../base/errors.ts'
import type { Answer, RequestOutcome } from '../net/link-types.ts'

/** Callbacks within, promises at the edge: what `begin` is answered, or rejects with OperatorError. */
export function settled<T>(begin: (done: Answer) => void): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    begin(outcome => (outcome.ok ? resolve(outcome.body as T) : reject(errorOf(outcome))))
  })
}

/** A refusal within, as the edge throws it. */
export function errorOf(no: Omit<RequestOutcome & { ok: false }, 'ok'>): OperatorError {
  return new OperatorError(no.code, no.message, no.remedy)
}
