import { describe, test, vi } from 'vitest'
import { agentVariant } from './agent-variant.ts'
import { expectWell } from './expect-well.ts'
import type { Settings } from './scenario.ts'
import { plainDay, settingsFor } from './settings.ts'

vi.setConfig({ testTimeout: 120_000 })

/**
 * Seeds that found a bug of hive, and what it was. The course of a seed changes with the code, so each bug has a small test of its own as well
 * where it could be told in one; these hold that what failed once does not fail again. (One is left out: 2107, of 145 nodes, takes as long as ten.)
 */
const lessons: readonly (readonly [Settings, string])[] = [
  [
    plainDay(87, 2),
    'a leader that has not applied the init must not tell its voters that they are strangers',
  ],
  [plainDay(120, 2), 'a retried write keeps its id when the node that asks has become the leader'],
  [
    plainDay(181_478, 1),
    'a node that was demoted notices it, though it was enrolled a moment before',
  ],
  [plainDay(40_052, 1), 'a join that comes late does not bring back who has left'],
  [plainDay(40_255, 1), 'a join that comes late does not undo a newer one'],
  [plainDay(50_134, 1), 'a leader that hands over does not try its chores again at once, for ever'],
  [
    settingsFor(80_281, 1),
    'a survivor that another rescue overtakes while it is looked at does not end itself',
  ],
  [settingsFor(200_067, 1), 'who leaves in no cluster is answered, not thrown at'],
  [settingsFor(200_640, 1), 'who was put off at a new address is called back there'],
  [settingsFor(201_036, 1), 'a snapshot that comes in wakes only the reads whose keys it changed'],
  [
    settingsFor(201_077, 1),
    'a node away over a collected epoch and a new authority believes the keys of its control nodes',
  ],
  [settingsFor(201_137, 1), 'a join asked for in an epoch that is over lets nobody in'],
  [settingsFor(201_344, 1), 'who has just heard of a rescue elsewhere is not rescued too'],
  [
    settingsFor(201_418, 1),
    'who dials with a retired authority and is hung up on tries its secret next',
  ],
  [
    settingsFor(202_082, 1),
    'a control node that moved and started anew calls those that have failed',
  ],
  [
    settingsFor(203_374, 1),
    'who leads before its init is agreed, and loses the lead, refuses the key that it was asked for',
  ],
  [
    settingsFor(300_654, 1),
    'who was admitted and taken out before it heard of any key hears that it is out',
  ],
  [
    settingsFor(301_529, 1),
    'a node whose leader stepped down while it made room for the log asks whoever leads now',
  ],
  [settingsFor(302_378, 1), 'what was asked over a link that its peer has lost is answered'],
  [
    settingsFor(302_829, 1),
    'who was cut off between prepare and start of the init, and lost its vote meanwhile, comes home',
  ],
  [settingsFor(303_280, 1), 'a leave that another told of first is over in the next life'],
  [settingsFor(303_767, 1), 'a leader that has just started does no chores by what its disk knew'],
  [settingsFor(303_813, 1), 'who has left takes no log'],
  [
    settingsFor(304_685, 1),
    'a read held by a control node that is relieved of the log is asked of whoever leads',
  ],
  [settingsFor(304_939, 1), 'who lays a log down keeps what it promised there'],
  [settingsFor(306_315, 1), 'a node of a later epoch stays one while its log arrives'],
  [
    settingsFor(307_451, 1),
    'who knows less of the log than a node says nothing about its being out',
  ],
  [settingsFor(308_002, 1), 'who left while the authority was changed hears that it is out'],
  [
    settingsFor(310_763, 1),
    'who shows a certificate of a retired authority hears that it was removed',
  ],
  [
    settingsFor(312_061, 1),
    'who lost its certificate to a rotation and its place to a removal hears of both',
  ],
  [
    settingsFor(312_124, 1),
    'a leader that cannot keep the first control key, for its full disk, lives on',
  ],
  [
    settingsFor(312_283, 1),
    'who knows only addresses that are left looks for its cluster where an operator says',
  ],
  [settingsFor(313_232, 1), 'who was cut off between two authorities hears that it was removed'],
  [
    settingsFor(316_452, 1),
    'a wish to be let in that its node has outlived is not kept for an operator',
  ],
  [settingsFor(316_832, 1), 'a leader that is relieved of the log sees it by its own log'],
  [
    settingsFor(335_667, 1),
    'a snapshot that has come is not taken for the next one, whose beginning comes with its end',
  ],
  [
    settingsFor(339_860, 1),
    'a node on its way home whom nobody believes says what an operator can do',
  ],
  [settingsFor(410_399, 1), 'an older build that newer events overtake does not carry the log'],
]

describe('what seeds have taught', () => {
  for (const [settings, lesson] of lessons) {
    test(`seed ${settings.seed}: ${lesson}`, () => expectWell(agentVariant, settings))
  }
})
