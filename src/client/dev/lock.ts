import { mkdirSync, rmSync } from 'node:fs'
import { connect, createServer, type Server } from 'node:net'
import { join } from 'node:path'
import { OperatorError } from '../../base/errors.ts'

/**
 * One dev cluster a directory. The lock is a listening socket: the system frees it however its owner ends, and
 * unlike a file with a pid it cannot be mistaken for another process's.
 */
export async function lockDir(dir: string): Promise<() => void> {
  const path = join(dir, 'dev.sock')
  try {
    mkdirSync(dir, { recursive: true })
  } catch (error) {
    throw new OperatorError(
      'DATA_DIR',
      `cannot make ${dir}: ${(error as Error).message}`,
      'choose another --dir',
    )
  }
  if (await answers(path)) {
    throw new OperatorError(
      'DATA_DIR_LOCKED',
      `another hive dev runs in ${dir}`,
      'use it, stop it, or choose another --dir',
    )
  }
  rmSync(path, { force: true })
  const server = await listen(path)
  return () => void server.close()
}

function answers(path: string): Promise<boolean> {
  return new Promise(resolve => {
    const socket = connect(path)
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false))
    socket.once('connect', () => socket.destroy())
  })
}

function listen(path: string): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer(socket => socket.destroy())
    server.once('error', error =>
      reject(
        new OperatorError(
          'DATA_DIR',
          `cannot make ${path}: ${error.message}`,
          'choose another, perhaps shorter, --dir',
        ),
      ),
    )
    server.listen(path, () => {
      server.unref()
      resolve(server)
    })
  })
}
