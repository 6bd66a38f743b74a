import { expect, test } from 'vitest'
import { parseOptions } from '../soak/options.ts'

test('options have defaults, and are checked', () => {
  expect(parseOptions(['--seed', '7'])).toEqual({
    ...{ minutes: 3, nodes: 5, clients: 10, seed: 7, faults: undefined },
    ...{ network: 'auto', keep: false },
  })
  const given = parseOptions(['--faults', 'kill, pause', '--nodes', '3', '--minutes', '0.5'])
  expect(given).toMatchObject({ faults: ['kill', 'pause'], nodes: 3, minutes: 0.5 })
  expect(parseOptions(['--faults', 'none'])).toMatchObject({ faults: [] })
  expect(() => parseOptions(['--nodes', '2'])).toThrow('from 3 to 9')
  expect(() => parseOptions(['--nodes', '3.5'])).toThrow('whole')
  expect(() => parseOptions(['--faults', 'fire'])).toThrow('"fire" is unknown; known are kill')
  expect(parseOptions(['--network', 'proxy'])).toMatchObject({ network: 'proxy' })
  expect(() => parseOptions(['--network', 'tube'])).toThrow('auto, namespaces, proxy')
  expect(() => parseOptions(['--minuets', '3'])).toThrow('minuets')
})
