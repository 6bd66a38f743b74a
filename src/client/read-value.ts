import { createReadStream } from 'node:fs'
import { kvLimits } from '../api/types.ts'
import { OperatorError } from '../base/errors.ts'
import { whyUnreadable } from '../base/unreadable.ts'
import { valueTooLarge } from './kv-client.ts'

/** The value that an argument stands for: itself, `@FILE` or `-` for standard input. Reads no more than fits in a key. */
export async function readValue(
  argument: string,
  stdin: AsyncIterable<Uint8Array> = process.stdin,
): Promise<Buffer> {
  if (argument === '-') return readAll(stdin, 'standard input')
  if (!argument.startsWith('@')) return Buffer.from(argument)
  const path = argument.slice(1)
  try {
    return await readAll(createReadStream(path), path)
  } catch (error) {
    if (error instanceof OperatorError) throw error
    throw new OperatorError(
      'BAD_REQUEST',
      `cannot read ${path}: ${whyUnreadable(error as NodeJS.ErrnoException)}`,
      'write @FILE, - for standard input, or the value itself',
    )
  }
}

async function readAll(source: AsyncIterable<Uint8Array>, name: string): Promise<Buffer> {
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of source) {
    size += chunk.length
    if (size > kvLimits.valueBytes) throw valueTooLarge(name)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}
