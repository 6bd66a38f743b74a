import { newLife } from '../sim/clock.ts'
import { Disk, SimulatedStorage } from '../sim/disk.ts'
import { Simulation } from '../sim/simulation.ts'
import { describeStorage, type Harness } from './storage.ts'

/** A simulated machine; each reopening is a kill -9 and a new process. */
async function open(): Promise<Harness> {
  const simulation = new Simulation(7)
  const disk = new Disk(simulation, 'n1')
  let life = newLife('n1')
  let storage = new SimulatedStorage(disk, life)
  return {
    storage,
    reopen() {
      storage.crash()
      simulation.end(life)
      life = newLife('n1')
      storage = new SimulatedStorage(disk, life)
      return storage
    },
    settle: () => simulation.run(simulation.now + 10_000),
  }
}

describeStorage('simulated disk', open)
