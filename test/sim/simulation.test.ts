import { describe, expect, test } from 'vitest'
import { seeded } from '../../src/base/random.ts'
import { newLife, SimulatedClock } from './clock.ts'
import { EventQueue } from './queue.ts'
import { Simulation } from './simulation.ts'

test('the queue gives back what it was given by time, then by turn, as sorting would', () => {
  const dice = seeded(3)
  const queue = new EventQueue()
  const given: { at: number; sequence: number }[] = []
  for (let i = 0; i < 2000; i++) {
    const item = { at: dice.below(50), sequence: i, task: undefined, life: undefined }
    given.push(item)
    queue.push(item)
    if (dice.next() < 0.3) {
      const least = given.toSorted((a, b) => a.at - b.at || a.sequence - b.sequence)[0]!
      expect(queue.pop()).toBe(least)
      given.splice(given.indexOf(least), 1)
    }
  }
  const rest: unknown[] = []
  while (queue.size > 0) rest.push(queue.pop())
  expect(rest).toEqual(given.toSorted((a, b) => a.at - b.at || a.sequence - b.sequence))
})

test('a run in which time stands still ends with a failure', async () => {
  const simulation = new Simulation(1)
  const clock = new SimulatedClock(simulation, newLife('n1'))
  const again = (): void => clock.soon(again)
  clock.after(5, again)
  await expect(simulation.run(20)).rejects.toThrow(/time stands still/)
  expect(simulation.now).toBe(5)
})

describe('a clock', () => {
  test('runs its tasks in the order of their times, and `soon` after all that waits for this instant', async () => {
    const simulation = new Simulation(1)
    const clock = new SimulatedClock(simulation, newLife('n1'))
    const order: string[] = []
    clock.after(10, () => {
      clock.soon(() => order.push('soon'))
      order.push('first at 10')
    })
    clock.after(10, () => order.push('second at 10'))
    clock.after(5, () => order.push('at 5'))
    clock.after(7, () => order.push('never')).cancel()
    await simulation.run(20)
    expect(order).toEqual(['at 5', 'first at 10', 'second at 10', 'soon'])
    expect(simulation.now).toBe(20)
  })

  test('drifts at its own rate, and its date jumps without moving its monotonic time', async () => {
    const simulation = new Simulation(1)
    const watch = { rate: 1.01, skew: 0 }
    const clock = new SimulatedClock(simulation, newLife('n1'), watch, 500)
    const wall = clock.wall()
    let at = 0
    clock.after(1010, () => {
      at = simulation.now
    })
    await simulation.run(2000)
    expect(at).toBeCloseTo(1000)
    expect(clock.now()).toBeCloseTo(500 + 2020)
    watch.skew = -3_600_000
    expect(clock.wall() - wall).toBe(2020 - 3_600_000)
    expect(clock.now()).toBeCloseTo(500 + 2020)
  })
})

describe('a process', () => {
  test('that is frozen does later, in order, what came due meanwhile', async () => {
    const simulation = new Simulation(1)
    const life = newLife('n1')
    const clock = new SimulatedClock(simulation, life)
    const done: string[] = []
    clock.after(1, () => done.push('1'))
    clock.after(2, () => done.push('2'))
    simulation.at(3, () => simulation.enter(life, () => done.push('3, from outside')))
    simulation.freeze(life)
    await simulation.run(50)
    expect(done).toEqual([])
    simulation.thaw(life)
    simulation.enter(life, () => done.push('4, while thawing'))
    await simulation.run(51)
    expect(done).toEqual(['1', '2', '3, from outside', '4, while thawing'])
  })

  test('that is dead does nothing more', async () => {
    const simulation = new Simulation(1)
    const life = newLife('n1')
    const done: string[] = []
    simulation.after(5, () => done.push('dead'), life)
    simulation.end(life)
    simulation.enter(life, () => done.push('dead'))
    await simulation.run(10)
    expect(done).toEqual([])
  })
})

test('reactions of promises run at the instant of the event that settled them', async () => {
  const simulation = new Simulation(1)
  const seen: number[] = []
  let resolve = (): void => {}
  const promise = new Promise<void>(r => {
    resolve = r
  })
  const waiter = (async () => {
    await promise
    seen.push(simulation.now)
    await null
    seen.push(simulation.now)
  })()
  simulation.at(3, () => resolve())
  simulation.at(3.5, () => seen.push(-1))
  await simulation.run(10)
  await waiter
  expect(seen).toEqual([3, 3, -1])
})

test('without promises the loop is never left', async () => {
  const simulation = new Simulation(1)
  let count = 0
  const tick = (): void => {
    count++
    simulation.after(1, tick)
  }
  tick()
  await simulation.run(5000)
  expect(count).toBe(5001)
  expect(simulation.drains).toBe(1)
})

test('an exception in an event ends the run with that exception', async () => {
  const simulation = new Simulation(1)
  simulation.at(2, () => {
    throw new Error('broken')
  })
  simulation.at(3, () => {
    throw new Error('later')
  })
  await expect(simulation.run(10)).rejects.toThrow('broken')
  expect(simulation.now).toBe(2)
})
