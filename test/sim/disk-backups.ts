import type { Backups, BackupWriter } from '../../src/store/types.ts'
import type { Disk } from './disk.ts'
import type { Life } from './queue.ts'

/** Snapshots on a simulated disk: a file is there whole once it is finished, or not at all. */
export function simulatedBackups(disk: Disk, life: Life): Backups {
  const later = (task: () => void): void => {
    disk.simulation.after(disk.syncTime(), task, life)
  }
  const failure = (): string | undefined => disk.refusal('files')?.message
  return {
    folder: 'backups',
    list(done) {
      later(() => {
        const files = [...disk.backups].map(([name, { length: bytes }]) => ({ name, bytes }))
        done(
          failure(),
          files.sort((a, b) => (a.name < b.name ? -1 : 1)),
        )
      })
    },
    write(name): BackupWriter {
      const pieces: Uint8Array[] = []
      let dropped = false
      return {
        append(bytes, done) {
          pieces.push(bytes.slice())
          later(() => dropped || done(failure()))
        },
        finish(done) {
          later(() => {
            if (dropped) return
            if (failure() === undefined)
              disk.backups.set(name, new Uint8Array(Buffer.concat(pieces)))
            done(failure())
          })
        },
        drop() {
          dropped = true
        },
      }
    },
    read(name, offset, length, done) {
      later(() => {
        const bytes = disk.backups.get(name)
        if (bytes === undefined) return done(`there is no ${name}`, new Uint8Array(0))
        done(failure(), bytes.slice(offset, offset + length))
      })
    },
    remove(name, done) {
      later(() => {
        if (failure() === undefined) disk.backups.delete(name)
        done(failure())
      })
    },
  }
}
