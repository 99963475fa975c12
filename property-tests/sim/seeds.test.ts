/**
 * Schedules that once failed, cut down, under the name of what was wrong. What was mended stays mended.
 */
import { describe, expect, test } from 'vitest'
import { runSchedule } from './run.ts'
import type { Ask, Schedule, Step } from './schedule.ts'

const calm = (steps: readonly Step[], more: Partial<Schedule> = {}): Schedule => ({
  seed: 'kept',
  peers: 3,
  topology: 'full',
  evil: null,
  skewMs: [0, 0, 0],
  delayMs: [1, 1],
  flushMs: [2, 2],
  steps,
  ...more,
})
const says = (at: number, peer: number, ask: Ask, more: Partial<Extract<Step, { do: 'ask' }>> = {}): Step => ({
  do: 'ask',
  at,
  client: 0,
  peer,
  ask,
  quorum: 1,
  timeoutMs: 1_500,
  retries: [],
  ...more,
})
const put = (slot: number, key = false): Ask => ({ op: 'put', slot, value: 6, key })
const alone = (peer: number): [number, number][] =>
  [0, 1, 2].flatMap((other): [number, number][] =>
    other === peer
      ? []
      : [
          [peer, other],
          [other, peer],
        ],
  )

const kept: Readonly<Record<string, Schedule>> = {
  'rows that were made while a chain had nothing but a damaged commit never named it afterwards, so that tokens of it were refused':
    calm([
      says(649, 0, { op: 'bulk', slots: [0, 1], value: 9, apart: false }, { quorum: null, timeoutMs: 5_000 }),
      says(742, 1, { op: 'patch', slot: 1, value: 2, fields: ['tags'] }, { client: 2, quorum: null, timeoutMs: 400 }),
      { do: 'flip', at: 869, peer: 0, what: 'missing', where: 'tail' },
      says(1_003, 1, { op: 'put', slot: 2, value: 302, key: true, apart: true }, { client: 2, quorum: null }),
    ]),
  'a crash just after an erasing left the text on the disk: erasing was a second flush': calm([
    says(500, 1, put(0), { quorum: 3 }),
    says(2_000, 1, { op: 'erase', slot: 0 }),
    { do: 'crash', at: 2_002, peer: 1, when: null, power: false, survive: 1, downMs: 300, projection: 'kept' },
  ]),
  'a text that had been erased before its commit came was waited for until the next start': calm([
    { do: 'stop', at: 400, peer: 0, downMs: 3_000 },
    says(500, 1, put(0), { quorum: 2 }),
    says(1_000, 1, { op: 'erase', slot: 0 }, { quorum: 2 }),
  ]),
  'a clock put back an hour stopped retries for that hour': calm(
    [
      { do: 'disk', at: 900, peer: 0, fault: 'full', forMs: 1_500 },
      ...[0, 1, 2, 3].map((slot) => says(1_000 + 100 * slot, 2, put(slot))),
    ],
    { skewMs: [3_600_000, 0, 0] },
  ),
  'a repeated request that missed its quorum named an event that nobody had written': calm([
    { do: 'cut', at: 400, shape: 'one', ways: alone(0), forMs: 4_000 },
    says(500, 0, put(0, true), { quorum: 2, timeoutMs: 400, retries: [0, 0] }),
  ]),
  'a peer wrote on behind a damaged commit of its own, and what it acknowledged was left out everywhere': calm([
    { do: 'stop', at: 500, peer: 2, downMs: 3_000 },
    says(700, 1, put(0), { quorum: 2 }),
    { do: 'stop', at: 1_000, peer: 1, downMs: 1_000 },
    { do: 'flip', at: 1_500, peer: 1, what: 'missing', where: 'tail' },
    { do: 'cut', at: 1_600, shape: 'one', ways: alone(1), forMs: 2_000 },
    says(2_500, 1, put(1)),
  ]),
  'a peer that could not read its own enrolment wrote under an older policy, and was refused everywhere, for ever':
    calm([
      { do: 'flip', at: 400, peer: 2, what: 'missing', where: 'tail' },
      { do: 'cut', at: 600, shape: 'one', ways: alone(2), forMs: 4_000 },
      { do: 'crash', at: 700, peer: 2, when: null, power: false, survive: 1, downMs: 300, projection: 'kept' },
      says(2_000, 2, put(0)),
    ]),
  'after a flush that failed, a commit was taken in before those it rests on, and left out of the document for ever':
    calm(
      [
        says(363, 1, put(0)),
        says(2_382, 2, { op: 'bulk', slots: [10, 11, 12, 13], value: 350 }, { client: 1, timeoutMs: 400 }),
        {
          do: 'crash',
          at: 2_742,
          peer: 0,
          when: null,
          power: false,
          survive: 860_561,
          downMs: 1_210,
          projection: 'kept',
        },
        says(3_282, 0, { op: 'bulk', slots: [3, 4], value: 172 }, { client: 1, quorum: null, retries: [2, 2] }),
        says(
          3_550,
          0,
          { op: 'patch', slot: 12, value: 9, fields: ['title'] },
          { quorum: 2, timeoutMs: 400, retries: [0, 0, 1] },
        ),
        { do: 'disk', at: 3_994, peer: 0, fault: 'full', forMs: 291 },
      ],
      { seed: '1:110', topology: 'line', skewMs: [-5, -3, 3], delayMs: [1, 10], flushMs: [0, 1] },
    ),
  'a damaged text of a commit that was damaged too was never asked for': calm(
    [
      says(1_132, 2, { op: 'put', slot: 0, value: 15, key: true }),
      { do: 'flip', at: 1_528, peer: 0, what: 'body', where: 'tail' },
      says(2_087, 1, { op: 'bulk', slots: [2, 3, 4, 5], value: 244 }, { client: 1, retries: [0] }),
      says(2_296, 0, { op: 'put', slot: 1, value: 259, key: true }, { quorum: null, timeoutMs: 5_000 }),
      { do: 'flip', at: 2_919, peer: 0, what: 'missing', where: 'middle' },
      says(
        3_757,
        0,
        { op: 'patch', slot: 0, value: 6, fields: ['priority', 'metadata', 'tags'] },
        { client: 2, quorum: null, retries: [1] },
      ),
    ],
    { seed: '1:586', skewMs: [0, -19, 3], delayMs: [1, 10], flushMs: [0, 1] },
  ),
  'a write that met its deadline while its peer was stopping was answered by a fault in place of where it stands': calm(
    [
      { do: 'disk', at: 684, peer: 0, fault: 'slow', forMs: 1_985 },
      { do: 'disk', at: 551, peer: 2, fault: 'slow', forMs: 1_618 },
      says(798, 2, put(0, true), { quorum: null, timeoutMs: 400, retries: [0, 2] }),
      { do: 'stop', at: 842, peer: 0, downMs: 1_729 },
    ].sort((a, b) => a.at - b.at) as Step[],
    { seed: '79:1539', topology: 'upwards', delayMs: [20, 300], flushMs: [0, 1] },
  ),
  'a peer that had lost a part of its control log took a smaller mesh for the whole, and one copy for a quorum': calm(
    [
      says(482, 2, put(0), { quorum: 3, timeoutMs: 400, retries: [1, 1, 0] }),
      { do: 'flip', at: 510, peer: 0, what: 'missing', where: 'middle' },
      { do: 'flip', at: 540, peer: 0, what: 'missing', where: 'tail' },
      says(1_226, 2, put(2, true), { client: 1, quorum: null, timeoutMs: 400, retries: [1, 2, 0] }),
    ],
    { seed: '80:5363', topology: 'upwards', skewMs: [19, 4, 15], delayMs: [20, 300], flushMs: [2, 40] },
  ),
  'a damaged commit of a forked chain was waited for, for ever': calm(
    [
      { do: 'evil', at: 873, act: 'equivocate' },
      { do: 'flip', at: 937, peer: 1, what: 'commit', where: 'tail' },
      { do: 'evil', at: 1_033, act: 'equivocate' },
    ],
    { seed: '80:2964', evil: 'voter', skewMs: [5, -13, -6], delayMs: [20, 300], flushMs: [1, 5] },
  ),
  'texts that came behind a copy of their commit without them were dropped, and then nobody had them': calm(
    [
      { do: 'disk', at: 340, peer: 1, fault: 'eio', forMs: 981 },
      { do: 'disk', at: 341, peer: 2, fault: 'eio_written', forMs: 956 },
      { do: 'evil', at: 739, act: 'stripped' },
      says(777, 2, { op: 'put', slot: 3, value: 46, key: false }, { quorum: null, retries: [1, 0, 2] }),
      says(901, 1, { op: 'bulk', slots: [0, 1, 2], value: 151 }, { client: 1, quorum: null, timeoutMs: 400 }),
    ],
    { seed: '81:1592', evil: 'voter', topology: 'upwards', skewMs: [-13, -2, -5], delayMs: [1, 10], flushMs: [2, 40] },
  ),
  'a write that stood on a lie was not said again where a twin of it stood': calm(
    [
      says(712, 0, { op: 'put', slot: 0, value: 35, key: true }, { client: 1, timeoutMs: 5_000, retries: [2] }),
      { do: 'evil', at: 719, act: 'equivocate' },
      { do: 'evil', at: 837, act: 'equivocate' },
      says(1_087, 2, { op: 'put', slot: 1, value: 172, key: true }, { quorum: 2, timeoutMs: 400, retries: [0, 1, 0] }),
    ],
    { seed: '81:4257', evil: 'voter', topology: 'star', skewMs: [2, 8, 9], delayMs: [20, 300], flushMs: [1, 5] },
  ),
  'a fork proof that could not be written was tried again without a pause, and the process stood still': calm(
    [
      { do: 'disk', at: 318, peer: 0, fault: 'eio_written', forMs: 935 },
      { do: 'evil', at: 323, act: 'equivocate' },
      { do: 'evil', at: 332, act: 'equivocate' },
      { do: 'evil', at: 335, act: 'junk_parcels' },
      { do: 'disk', at: 335, peer: 1, fault: 'slow', forMs: 966 },
      says(
        400,
        0,
        { op: 'put', slot: 0, value: 210, key: false },
        { client: 1, quorum: null, timeoutMs: 400, retries: [2, 2] },
      ),
      { do: 'evil', at: 476, act: 'equivocate' },
      { do: 'disk', at: 490, peer: 1, fault: 'eio_written', forMs: 1_919 },
    ],
    { seed: '81:4268', evil: 'voter', topology: 'line', skewMs: [0, -19, -4], delayMs: [1, 10], flushMs: [1, 5] },
  ),
  'a scrub that met damage on a branch of a fork waited for somebody to bring what counts nowhere': calm(
    [
      { do: 'evil', at: 289, act: 'equivocate' },
      { do: 'evil', at: 334, act: 'equivocate' },
      { do: 'flip', at: 362, peer: 2, what: 'commit', where: 'tail' },
    ],
    { seed: 'nov21:260', evil: 'voter', topology: 'star', skewMs: [3, -6, 10], delayMs: [0, 2], flushMs: [2, 40] },
  ),
  'a peer whose clock was put right wrote earlier than what was brought back to it, and nobody took that': calm(
    [
      says(816, 0, { op: 'put', slot: 0, value: 376, key: true }, { client: 1, quorum: 2, retries: [0] }),
      { do: 'flip', at: 1_110, peer: 0, what: 'missing', where: 'tail' },
    ],
    {
      seed: 'nov21:11859',
      evil: 'voter',
      topology: 'star',
      skewMs: [3_600_000, -5_000, -86_000_000],
      delayMs: [1, 10],
      flushMs: [1, 5],
    },
  ),
  'a read that waited while its peer stopped met a closed log': calm(
    [
      says(568, 0, { op: 'put', slot: 4, value: 267, key: false }, { quorum: 3, retries: [0, 0] }),
      says(676, 0, { op: 'bulk', slots: [0, 1, 2, 3], value: 372 }, { retries: [0, 2] }),
      { do: 'stop', at: 735, peer: 2, downMs: 352 },
      { do: 'stop', at: 745, peer: 2, downMs: 1_162 },
      says(776, 2, { op: 'get', slot: 4 }, { quorum: null }),
    ],
    { seed: 'nov21:16016', evil: 'voter', skewMs: [-8, 8, -7], delayMs: [0, 2], flushMs: [2, 40] },
  ),
  'a read with a token was answered without what it had seen, for that was damaged here': calm(
    [
      says(547, 2, { op: 'put', slot: 1, value: 230, key: false }, { client: 2, quorum: 3, timeoutMs: 400 }),
      says(
        653,
        2,
        { op: 'patch', slot: 1, value: 5, fields: ['tags'] },
        { client: 1, quorum: null, retries: [2, 2, 2] },
      ),
      says(663, 0, { op: 'put', slot: 2, value: 276, key: true }, { client: 2, timeoutMs: 5_000, retries: [0, 2] }),
      { do: 'flip', at: 675, peer: 1, what: 'missing', where: 'tail' },
      { do: 'flip', at: 696, peer: 1, what: 'commit', where: 'tail' },
      { do: 'crash', at: 724, peer: 1, when: null, power: false, survive: 1, downMs: 145, projection: 'kept' },
      says(968, 1, { op: 'get', slot: 1 }, { client: 1, quorum: null }),
    ],
    { seed: 'nov21c:65602', topology: 'upwards', skewMs: [-14, 17, -9], delayMs: [1, 10], flushMs: [0, 1] },
  ),
  'an erasure passed over a text whose commit rested on a damaged one': calm(
    [
      says(610, 0, { op: 'put', slot: 4, value: 332, key: true }, { timeoutMs: 400 }),
      says(805, 2, { op: 'put', slot: 0, value: 332, key: true }, { quorum: null, timeoutMs: 400, retries: [1] }),
      says(
        1_296,
        2,
        { op: 'put', slot: 3, value: 66, key: false },
        { quorum: null, timeoutMs: 5_000, retries: [0, 3] },
      ),
      says(1_607, 0, { op: 'put', slot: 1, value: 257, key: true }, { timeoutMs: 5_000, retries: [3, 2, 2] }),
      says(1_760, 0, { op: 'put', slot: 2, value: 271, key: false }, { quorum: 2, retries: [1] }),
      { do: 'flip', at: 2_405, peer: 3, what: 'missing', where: 'middle' },
      says(3_118, 0, { op: 'erase', slot: 2 }, { quorum: null, timeoutMs: 400, retries: [2] }),
    ],
    {
      seed: 'nov21d:54362',
      peers: 4,
      topology: 'upwards',
      skewMs: [0, 10, -1, 17],
      delayMs: [5, 80],
      flushMs: [2, 40],
    },
  ),
  'a change of a memory that another peer had yet to say again after a fork was dropped': calm(
    [
      says(344, 1, { op: 'put', slot: 0, value: 12, key: true }, { quorum: 3, timeoutMs: 400, retries: [2, 0, 2] }),
      { do: 'evil', at: 372, act: 'equivocate' },
      says(537, 1, { op: 'bulk', slots: [1, 2, 3], value: 112 }, { timeoutMs: 400, retries: [1] }),
      says(
        761,
        0,
        { op: 'patch', slot: 1, value: 3, fields: ['content', 'priority'] },
        { timeoutMs: 5_000, retries: [0] },
      ),
      { do: 'evil', at: 772, act: 'equivocate' },
    ],
    {
      seed: 'nov21e:6454',
      evil: 'voter',
      topology: 'upwards',
      skewMs: [-20, 1, 6],
      delayMs: [1, 10],
      flushMs: [2, 40],
    },
  ),
  'a proof of a fork that a full disk refused was kept back until something else was written, which nothing was': calm(
    [
      { do: 'evil', at: 870, act: 'equivocate' },
      { do: 'disk', at: 1_072, peer: 2, fault: 'full', forMs: 1_320 },
      { do: 'evil', at: 1_075, act: 'equivocate' },
    ],
    { seed: 'nov21e:9399', evil: 'voter', skewMs: [0, -3, 6], delayMs: [0, 2], flushMs: [2, 40] },
  ),
  'a copy without its text was called whole, for that text was already asked for on behalf of its twin': calm(
    [
      { do: 'evil', at: 200, act: 'stripped' },
      {
        do: 'slow',
        at: 250,
        ways: [
          [0, 2],
          [1, 0],
          [1, 2],
          [2, 0],
        ],
        delayMs: 1_173,
        forMs: 740,
      },
      { do: 'disk', at: 302, peer: 2, fault: 'eio_written', forMs: 1_766 },
      says(687, 2, { op: 'put', slot: 2, value: 101, key: true }, { client: 2, quorum: null, retries: [1, 2] }),
    ],
    { seed: 'nov21f:40781', evil: 'voter', topology: 'upwards', skewMs: [11, 0, 9], delayMs: [0, 2], flushMs: [1, 5] },
  ),
  'a stop that was under way when the weather ended': calm(
    [
      says(1_169, 2, { op: 'put', slot: 3, value: 62, key: true }, { quorum: 3, retries: [0, 0] }),
      says(1_908, 2, put(1), { quorum: null, timeoutMs: 400, retries: [2] }),
      { do: 'stop', at: 2_914, peer: 0, downMs: 22 },
    ],
    { seed: 'nov21g:4694', topology: 'upwards', skewMs: [90_000, 0, -5_000], delayMs: [5, 80], flushMs: [2, 40] },
  ),
  'a damaged list of missing texts was taken for none': calm(
    [
      { do: 'evil', at: 200, act: 'stripped' },
      {
        do: 'slow',
        at: 250,
        ways: [
          [0, 1],
          [1, 0],
          [2, 0],
        ],
        delayMs: 617,
        forMs: 494,
      },
      says(387, 0, { op: 'put', slot: 0, value: 387, key: true }, { quorum: null, retries: [1] }),
      { do: 'flip', at: 566, peer: 1, what: 'fact', where: 'tail' },
    ],
    { seed: 'nov21:18978', evil: 'voter', topology: 'upwards', skewMs: [8, 0, -15], delayMs: [1, 10], flushMs: [1, 5] },
  ),
  'one of two branches rested on what a rolled back peer had lost, and waited for it for ever in the way of the other':
    calm(
      [
        { do: 'snapshot', at: 245, peer: 2 },
        says(301, 2, { op: 'put', slot: 0, value: 210, key: true }, { client: 1, quorum: 1, timeoutMs: 5_000 }),
        { do: 'evil', at: 486, act: 'equivocate' },
        { do: 'rollback', at: 565, peer: 2, downMs: 1_360 },
      ],
      {
        seed: '20261121:33004',
        evil: 'voter',
        topology: 'upwards',
        skewMs: [-6, 4, -18],
        delayMs: [20, 300],
        flushMs: [0, 1],
      },
    ),
  'what rested on a damaged commit was taken for left out by a fork, and said twice': calm(
    [
      says(
        997,
        1,
        { op: 'put', slot: 2, value: 84, key: true },
        { client: 1, quorum: 1, timeoutMs: 400, retries: [0] },
      ),
      { do: 'evil', at: 1_067, act: 'equivocate' },
      { do: 'flip', at: 1_094, peer: 1, what: 'commit', where: 'tail' },
      says(1_321, 1, { op: 'put', slot: 4, value: 283, key: true }, { quorum: null, retries: [2] }),
      says(1_412, 0, { op: 'get', slot: 1 }, { quorum: null }),
    ],
    { seed: '20261121:47109', evil: 'voter', skewMs: [16, 4, 4], delayMs: [0, 2], flushMs: [1, 5] },
  ),
  'a read with a token was answered without what a fork had left out and its author had yet to say again': calm(
    [
      says(
        309,
        2,
        { op: 'put', slot: 0, value: 87, key: false },
        { client: 1, quorum: null, timeoutMs: 400, retries: [2, 0] },
      ),
      { do: 'evil', at: 773, act: 'equivocate' },
      {
        do: 'crash',
        at: 876,
        peer: 1,
        when: { effect: 'PERSIST', nth: 2 },
        power: true,
        survive: 142_285,
        downMs: 2_173,
        projection: 'kept',
      },
      says(
        925,
        1,
        { op: 'patch', slot: 0, value: 24, fields: ['metadata'] },
        { client: 1, quorum: null, timeoutMs: 400, retries: [0, 0, 1] },
      ),
      { do: 'evil', at: 1_060, act: 'equivocate' },
      says(1_133, 2, { op: 'get', slot: 0 }, { client: 1, quorum: 2, timeoutMs: 400, retries: [1, 2, 1] }),
    ],
    {
      seed: '20261121:49855',
      evil: 'voter',
      topology: 'upwards',
      skewMs: [-7, 4, -12],
      delayMs: [0, 2],
      flushMs: [0, 1],
    },
  ),
  'a read with a token was answered without what rested on a damaged commit of another chain': calm(
    [
      says(574, 5, { op: 'put', slot: 1, value: 277, key: true }, { quorum: null, timeoutMs: 5_000, retries: [1, 0] }),
      says(2_450, 5, { op: 'put', slot: 0, value: 13, key: true }, { client: 1, quorum: 2, timeoutMs: 400 }),
      says(4_932, 2, { op: 'bulk', slots: [4, 5], value: 277 }, { quorum: 8, timeoutMs: 400, retries: [1] }),
      says(
        5_230,
        6,
        { op: 'bulk', slots: [11, 12, 13, 14, 15], value: 246 },
        { client: 1, quorum: 8, retries: [5, 5] },
      ),
      says(6_826, 0, { op: 'put', slot: 16, value: 79, key: true }, { quorum: null, retries: [4] }),
      says(
        7_039,
        0,
        { op: 'put', slot: 20, value: 81, key: false },
        { client: 1, quorum: null, timeoutMs: 5_000, retries: [6] },
      ),
      { do: 'evil', at: 7_058, act: 'equivocate' },
      says(8_561, 2, { op: 'put', slot: 6, value: 3, key: true }, { quorum: 2, timeoutMs: 5_000, retries: [6] }),
      says(9_474, 3, { op: 'put', slot: 8, value: 204, key: true }, { client: 1, quorum: 8, retries: [7, 5] }),
      says(9_858, 7, { op: 'forget', slot: 1 }, { client: 1, quorum: 8, timeoutMs: 5_000, retries: [3, 6] }),
      { do: 'flip', at: 10_954, peer: 7, what: 'commit', where: 'middle' },
      { do: 'crash', at: 11_178, peer: 7, when: null, power: false, survive: 1, downMs: 124, projection: 'kept' },
      says(11_807, 7, { op: 'get', slot: 6 }, { client: 1, quorum: null }),
    ],
    {
      seed: '20261121b:4713',
      peers: 8,
      evil: 'voter',
      skewMs: [3, -20, 16, 4, 20, 0, 3, -19],
      delayMs: [20, 300],
      flushMs: [0, 1],
    },
  ),
  'an erasure passed over a change of a memory whose own commit was damaged': calm(
    [
      says(424, 1, { op: 'put', slot: 0, value: 340, key: false }, { quorum: null, timeoutMs: 5_000 }),
      { do: 'flip', at: 513, peer: 0, what: 'missing', where: 'head' },
      says(566, 1, { op: 'patch', slot: 0, value: 40, fields: ['content'] }),
      says(625, 0, { op: 'put', slot: 1, value: 185, key: false }, { quorum: null, timeoutMs: 5_000, retries: [1, 0] }),
      { do: 'flip', at: 673, peer: 0, what: 'missing', where: 'middle' },
      { do: 'crash', at: 774, peer: 0, when: null, power: false, survive: 1, downMs: 234, projection: 'kept' },
      says(924, 0, { op: 'erase', slot: 0 }, { quorum: 2, timeoutMs: 400, retries: [0, 2] }),
    ],
    { seed: '20261121g:25062', topology: 'ring', skewMs: [1, -10, 7], delayMs: [1, 10], flushMs: [0, 1] },
  ),
  'what a forked chain had said of no document stayed in the rows, on each peer another branch of it': calm(
    [
      ...[500, 600, 700, 800].map((at): Step => ({ do: 'evil', at, act: 'equivocate_episodes' })),
      says(900, 0, { op: 'episode', value: 1 }),
    ],
    { evil: 'voter' },
  ),
  'a disk that was full when somebody joined: nobody could join any more, and the peer took its control log for lost':
    calm(
      [
        { do: 'disk', at: 568, peer: 0, fault: 'full', forMs: 1_878 },
        { do: 'join', at: 1_593, peer: 2, role: 'voter' },
        says(5_000, 0, put(0)),
      ],
      { seed: 'm2:1841', topology: 'upwards' },
    ),
  'who joined where the control log was damaged was given what was left of it': calm(
    [
      says(376, 1, put(0), { retries: [0] }),
      { do: 'flip', at: 393, peer: 0, what: 'commit', where: 'tail' },
      { do: 'join', at: 437, peer: 2, role: 'voter' },
      { do: 'flip', at: 489, peer: 0, what: 'missing', where: 'middle' },
      { do: 'crash', at: 721, peer: 0, when: null, power: false, survive: 1, downMs: 82, projection: 'kept' },
    ],
    { seed: 'm1:350', topology: 'upwards', skewMs: [-12, -14, 8], delayMs: [0, 2], flushMs: [1, 5] },
  ),
  'a revocation undid an erasure, and the text was gone all the same, from some rows and not from others': calm(
    [
      says(875, 1, put(1, true), { client: 1, quorum: null, timeoutMs: 400, retries: [2] }),
      says(1_915, 2, { op: 'erase', slot: 1 }, { client: 1, quorum: null, timeoutMs: 400, retries: [0, 1, 2] }),
      { do: 'revoke', at: 1_965, peer: 2 },
    ],
    { seed: '20261121m:11375', topology: 'upwards', skewMs: [-2, 7, -20], delayMs: [5, 80], flushMs: [0, 1] },
  ),
  'what a forked branch had erased was gone from those who were told of the branch, and from nobody else': calm(
    [
      says(400, 0, put(0), { quorum: 2 }),
      says(420, 1, put(1), { quorum: 2 }),
      ...[700, 760, 820, 900].map((at): Step => ({ do: 'evil', at, act: 'equivocate_erasures' })),
      says(1_400, 2, { op: 'patch', slot: 0, value: 6, fields: ['title', 'content'] }, { quorum: 2 }),
    ],
    { seed: 'er1', evil: 'voter' },
  ),
  'a commit that rests on a forked branch was judged by a header that nobody kept, and a peer that came later waited for it for ever':
    calm(
      [
        { do: 'snapshot', at: 394, peer: 0 },
        says(
          395,
          0,
          { op: 'put', slot: 0, value: 306, key: true, apart: false },
          { quorum: null, timeoutMs: 5_000, retries: [2, 1] },
        ),
        ...[404, 465, 474].map((at): Step => ({ do: 'evil', at, act: 'equivocate_erasures' })),
        says(
          584,
          0,
          { op: 'put', slot: 2, value: 85, key: false, apart: false },
          { timeoutMs: 400, retries: [1, 1, 1] },
        ),
        { do: 'stop', at: 2_000, peer: 1, downMs: 300 },
        { do: 'stop', at: 2_500, peer: 2, downMs: 300 },
        { do: 'rollback', at: 3_290, peer: 0, downMs: 1_000 },
      ],
      { seed: 'h5', evil: 'voter', topology: 'star', skewMs: [-12, -2, 2], delayMs: [5, 80], flushMs: [2, 40] },
    ),
  'a commit that went to the disk together with the revocation that leaves it out stayed in the document': calm(
    [
      { do: 'clock', at: 270, peer: 1, jumpMs: -3_600_000 },
      says(483, 2, { op: 'episode', value: 1 }, { client: 1, timeoutMs: 5_000, retries: [2] }),
      says(496, 2, { op: 'put', slot: 1, value: 45, key: true, apart: true }, { client: 1, retries: [2] }),
      says(722, 2, { op: 'put', slot: 0, value: 326, key: true }, { quorum: null, timeoutMs: 5_000, retries: [0, 1] }),
      { do: 'revoke', at: 729, peer: 2 },
      says(932, 2, { op: 'get', slot: 0 }, { quorum: null }),
    ],
    {
      seed: '20261121p:14916',
      topology: 'upwards',
      skewMs: [0, -86_000_000, 90_000],
      delayMs: [5, 80],
      flushMs: [2, 40],
    },
  ),
  'who had forked a chain at its beginning could not be taken out': calm(
    [
      { do: 'evil', at: 647, act: 'equivocate' },
      { do: 'revoke', at: 670, peer: 3 },
    ],
    {
      seed: '20261121m:2939',
      evil: 'voter',
      topology: 'upwards',
      skewMs: [20, -9, 7],
      delayMs: [1, 10],
      flushMs: [1, 5],
    },
  ),
  'damage in the control log made a peer refuse everybody, for ever': calm([
    ...(['head', 'head', 'middle', 'tail'] as const).map((where): Step => ({
      do: 'flip',
      at: 600,
      peer: 1,
      what: 'missing',
      where,
    })),
    says(900, 0, put(0)),
  ]),
  'a text that only a peer which was taken out had had, and had erased, was asked for by all, for ever': calm(
    [says(314, 1, put(0)), says(700, 1, { op: 'erase', slot: 0 }), { do: 'revoke', at: 755, peer: 1 }],
    { seed: 'k124', delayMs: [20, 300], flushMs: [0, 1] },
  ),
  'a change that was asked for of a peer which had just stopped read its closed log': calm(
    [
      says(
        344,
        1,
        { op: 'put', slot: 0, value: 129, key: true, apart: false },
        { client: 2, quorum: null, timeoutMs: 400, retries: [1, 2, 2] },
      ),
      { do: 'stop', at: 401, peer: 1, downMs: 1874 },
      { do: 'stop', at: 407, peer: 1, downMs: 1375 },
      says(
        460,
        1,
        { op: 'patch', slot: 0, value: 27, fields: ['metadata', 'content', 'title'] },
        { client: 0, quorum: null, timeoutMs: 5000, retries: [0, 2, 1] },
      ),
    ],
    { seed: '20261122a:78090', topology: 'line', skewMs: [0, 0, 40000000], delayMs: [5, 80], flushMs: [2, 40] },
  ),
  'verify took a commit for forged that a liar had passed on with another signature, though a later one of its chain vouched for it':
    calm(
      [
        {
          do: 'cut',
          at: 606,
          shape: 'one way',
          ways: [
            [0, 2],
            [0, 1],
          ],
          forMs: 2661,
        },
        says(
          669,
          2,
          { op: 'put', slot: 2, value: 324, key: true, apart: false },
          { client: 0, quorum: null, timeoutMs: 1500, retries: [1, 0] },
        ),
        { do: 'revoke', at: 2423, peer: 2 },
        { do: 'evil', at: 2425, act: 'foreign_signature' },
        says(
          2517,
          2,
          { op: 'put', slot: 4, value: 191, key: true, apart: false },
          { client: 1, quorum: null, timeoutMs: 400, retries: [1, 2] },
        ),
      ],
      {
        seed: '20261122b:3890',
        evil: 'voter',
        topology: 'upwards',
        skewMs: [16, -14, -2],
        delayMs: [20, 300],
        flushMs: [2, 40],
      },
    ),
  'what a voter said between its handshake and its own opening of a link reached nobody, and a write waited for it':
    calm(
      [
        { do: 'repeat', at: 503, way: [1, 0] },
        { do: 'slow', at: 540, ways: [[0, 1]], delayMs: 759, forMs: 4_905 },
        { do: 'slow', at: 558, ways: [[0, 1]], delayMs: 1_295, forMs: 1_934 },
        says(
          613,
          1,
          { op: 'put', slot: 0, value: 320, key: true, apart: false },
          { quorum: null, timeoutMs: 5_000, retries: [1, 2, 0] },
        ),
      ],
      { seed: '30:252', skewMs: [5, 12, 9], delayMs: [5, 80], flushMs: [0, 1] },
    ),
  'a liar erased by a forked branch its own memory, which rested on that branch: its text was waited for where it had never come':
    calm(
      [
        { do: 'evil', at: 228, act: 'unreadable' },
        { do: 'evil', at: 263, act: 'equivocate_episodes' },
        { do: 'clone', at: 271, peer: 0, forMs: 2_789 },
        { do: 'evil', at: 441, act: 'equivocate_erasures' },
        says(
          542,
          0,
          { op: 'put', slot: 2, value: 238, key: false, apart: true },
          { client: 1, quorum: null, timeoutMs: 400 },
        ),
        { do: 'evil', at: 747, act: 'unreadable' },
        { do: 'evil', at: 868, act: 'equivocate_erasures' },
      ],
      { seed: '20261130-10:1152', evil: 'voter', skewMs: [7, 19, -12], delayMs: [20, 300], flushMs: [0, 1] },
    ),
  'damage made the authority forget an enrolment that was not certified yet, and who had been answered waited for it for ever':
    calm(
      [
        { do: 'slow', at: 1_586, ways: [[1, 0]], delayMs: 840, forMs: 4_249 },
        { do: 'join', at: 2_827, peer: 2, role: 'voter' },
        { do: 'flip', at: 2_876, peer: 0, what: 'fact', where: 'tail' },
        { do: 'reset', at: 3_119, pair: [0, 1] },
      ],
      { seed: '20261130-4:2685', topology: 'star', skewMs: [1, 20, 6], delayMs: [0, 2], flushMs: [0, 1] },
    ),
}

describe('a schedule that failed once', () => {
  test.each(Object.entries(kept))('%s', async (_name, schedule) => {
    const { violations } = await runSchedule(schedule)
    expect(violations).toEqual([])
  })
})

describe('a schedule', () => {
  test('happens alike whenever it is played', async () => {
    const schedule = calm(
      [
        says(500, 0, put(0, true), { quorum: 2, retries: [1] }),
        {
          do: 'crash',
          at: 600,
          peer: 0,
          when: { effect: 'ACK', nth: 1 },
          power: true,
          survive: 3,
          downMs: 900,
          projection: 'lost',
        },
        says(700, 1, { op: 'patch', slot: 0, value: 3, fields: ['title', 'tags'] }),
        { do: 'reset', at: 720, pair: [1, 2] },
      ],
      { delayMs: [1, 40] },
    )
    const [first, second] = [await runSchedule(schedule), await runSchedule(schedule)]
    expect([second.fingerprint, second.violations]).toEqual([first.fingerprint, []])
  })
})
