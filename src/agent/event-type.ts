import { OperatorError } from '../base/errors.ts'
import { didYouMean } from '../base/similar.ts'
import { eventTypes } from '../state/codec-json.ts'

/** What `hive log --type` may name: a word that no event bears would find nothing, and look like an answer. */
const known: readonly string[] = [...eventTypes, 'LeaderElected', 'VotersChanged'].sort()

export function checkEventType(type: string | undefined): void {
  if (type === undefined || known.includes(type)) return
  const meant = didYouMean(type, known)
  throw new OperatorError(
    'BAD_REQUEST',
    `there are no events of type ${type}`,
    meant ? `did you mean ${meant}?` : `there are: ${known.join(', ')}`,
  )
}
