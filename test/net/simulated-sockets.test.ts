import { describeSockets } from '../contract/sockets.ts'
import { Network } from '../sim/network.ts'
import type { Life } from '../sim/queue.ts'
import { Simulation } from '../sim/simulation.ts'
import { SimulatedSockets } from '../sim/sockets.ts'

describeSockets("the simulator's network", () => {
  const simulation = new Simulation(1)
  const network = new Network(simulation)
  network.weather.loss = 0
  const machines = ['here', 'there'].map(name => network.addMachine(name))
  const lives: Life[] = machines.map(({ name }) => ({
    name,
    alive: true,
    frozen: false,
    thawing: false,
    deferred: [],
  }))
  const [here, there] = machines.map(
    (machine, i) => new SimulatedSockets(network, machine, lives[i]!),
  )
  return {
    here: here!,
    there: there!,
    hereHost: machines[0]!.ip,
    thereHost: machines[1]!.ip,
    until: async condition => {
      for (let i = 0; i < 20_000 && !condition(); i++) await simulation.run(simulation.now + 1)
      if (!condition()) throw new Error('it never happened')
    },
    pass: () => simulation.run(simulation.now + 1000),
    close: () => {},
  }
})
