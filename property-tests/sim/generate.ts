/**
 * From a seed to a schedule. Which faults may come is drawn first, then each subsystem draws its own steps from its own
 * stream: one more draw in one of them leaves the others' steps as they were.
 */
import type { Ask, DiskFault, EvilAct, Moment, PatchField, Reading, Schedule, Step, Topology, Way } from './schedule.ts'
import { stream, type Stream } from './streams.ts'

export type GenerateOptions = {
  /** 3 … 9; null: mostly three. */
  readonly peers: number | null
}

/** Drawn once a schedule, so that what takes several acts of one kind comes about. */
const LIES: readonly EvilAct[] = [
  'equivocate',
  'equivocate_episodes',
  'equivocate_erasures',
  'impersonate',
  'stripped',
  'junk_parcels',
  'changed_commit',
  'foreign_signature',
  'forged_acks',
  'lying_digest',
  'lying_frontier',
  'lying_clock',
  'junk_bodies',
  'orphans',
  'junk_forks',
  'many_forks',
  'far_acks',
  'many_chains',
  'unreadable',
  'late_texts',
  'foreign_addresses',
  'ahead',
  'requests',
  'frames',
  'stranger',
]
const PATCH_FIELDS: readonly PatchField[] = ['title', 'content', 'tags', 'priority', 'source', 'metadata', 'expires_at']

export const generate = (seed: string, options: GenerateOptions = { peers: null }): Schedule => {
  const shape = stream(`${seed}/shape`)
  const size =
    SIZES[
      shape.weighted<keyof typeof SIZES>([
        [96, 'small'],
        [3.8, 'medium'],
        [0.2, 'large'],
      ])
    ]
  const peers = options.peers ?? shape.weighted(size.peers)
  const weatherMs = shape.int(...size.weatherMs)
  const world: Drawing = { seed, peers, weatherMs, asks: shape.int(...size.asks), clients: shape.int(1, 3) }
  const kinds = shape.some(FAULTS, shape.weighted(size.faults))
  for (const among of [VICTIMS, ...(peers > 3 ? MEMBERS : [[...new Set(MEMBERS.flat())]])])
    for (const other of among.filter((kind) => kinds.includes(kind)).slice(1)) kinds.splice(kinds.indexOf(other), 1)
  const faults = kinds.flatMap((kind) => STEPS_BY_FAULT[kind](world, stream(`${seed}/${kind}`)))
  const asked = clients(world, stream(`${seed}/clients`))
  const steps = [...asked, ...faults, ...readers(world, [...asked, ...faults], stream(`${seed}/readers`))]
  const skewed = kinds.includes('clocks')
  // A line or a ring without one or two of its members is two halves that have never heard of one another.
  const settled = !kinds.includes('joins') && !kinds.includes('revocations')
  return {
    seed,
    peers,
    evil: kinds.includes('lies')
      ? shape.pick(['observer', 'voter', 'voter', 'voter', 'voter', 'voter'] as const)
      : null,
    topology: shape.weighted<Topology>([
      [2, 'full'],
      [5, 'upwards'],
      [1, 'star'],
      [settled ? 1 : 0, 'ring'],
      [settled ? 1 : 0, 'line'],
    ]),
    skewMs: Array.from({ length: peers }, () =>
      skewed ? shape.pick([0, 0, -5_000, 90_000, -3_600_000, -86_000_000]) : shape.int(-20, 20),
    ),
    delayMs: shape.pick([
      [0, 2],
      [1, 10],
      [5, 80],
      [20, 300],
    ] as const),
    flushMs: shape.pick([
      [0, 1],
      [1, 5],
      [2, 40],
    ] as const),
    steps: steps
      .map((step, order) => ({ step, order }))
      .sort((a, b) => a.step.at - b.step.at || a.order - b.order)
      .map(({ step }) => step),
  }
}

type Weights<T> = readonly (readonly [weight: number, value: T])[]
type Size = {
  readonly peers: Weights<number>
  readonly weatherMs: readonly [number, number]
  readonly asks: readonly [number, number]
  readonly faults: Weights<number>
}

/**
 * Nearly all schedules are small: a bug that a long one meets, many short ones meet for less (`npm run power` tells how many and
 * how much time each planted bug took). The others are there for what needs many peers, long histories or several faults.
 */
const SIZES: Readonly<Record<'small' | 'medium' | 'large', Size>> = {
  small: {
    peers: [[1, 3]],
    weatherMs: [300, 1_200],
    asks: [2, 5],
    faults: [
      [1, 0],
      [6, 1],
      [3, 2],
    ],
  },
  medium: {
    peers: [
      [12, 3],
      [1, 4],
      [1, 5],
    ],
    weatherMs: [1_500, 4_500],
    asks: [4, 12],
    faults: [
      [1, 0],
      [4, 1],
      [4, 2],
      [2, 3],
      [1, 4],
    ],
  },
  large: {
    peers: [
      [1, 5],
      [1, 6],
      [1, 7],
      [1, 8],
      [1, 9],
    ],
    weatherMs: [6_000, 15_000],
    asks: [30, 50],
    faults: [
      [4, 1],
      [4, 2],
      [2, 3],
      [1, 4],
    ],
  },
}

type Drawing = {
  readonly seed: string
  readonly peers: number
  readonly weatherMs: number
  readonly asks: number
  readonly clients: number
}

// ── clients ─────────────────────────────────────────────────────────────────────────────────────────────────────────────

const clients = (world: Drawing, draw: Stream): Step[] => {
  let slots = 0
  const steps: Step[] = []
  for (let i = 0; i < world.asks; i++) {
    const slot = slots === 0 ? 0 : draw.int(0, slots - 1)
    const asked = draw.weighted<() => Ask>([
      [
        slots < 3 ? 12 : 4,
        () => ({ op: 'put', slot: slots++, value: draw.int(0, 400), key: draw.chance(0.6), apart: draw.chance(0.2) }),
      ],
      [
        slots === 0 ? 0 : 6,
        () => ({
          op: 'patch',
          slot,
          value: draw.int(0, 40),
          fields: draw.some(PATCH_FIELDS, draw.int(1, 3)),
          ...(draw.chance(0.1) && { match: true }),
        }),
      ],
      [
        0.6,
        () => ({
          op: 'bulk',
          slots: Array.from({ length: draw.int(2, 5) }, () => slots++),
          value: draw.int(0, 400),
          apart: draw.chance(0.4),
        }),
      ],
      [slots === 0 ? 0 : 1, () => ({ op: 'forget', slot })],
      [slots === 0 ? 0 : 1, () => ({ op: 'restore', slot })],
      [slots === 0 ? 0 : 0.5, () => ({ op: 'erase', slot })],
      [
        slots < 2 ? 0 : 1,
        () => ({ op: draw.chance(0.7) ? 'link' : 'unlink', slot, other: draw.int(0, slots - 1), relation: 'about' }),
      ],
      [0.7, () => ({ op: 'episode', value: draw.int(0, 40), apart: draw.chance(0.2) })],
      [slots === 0 ? 0 : 1, () => ({ op: 'resolve', slot })],
      [slots === 0 ? 0 : 2, () => ({ op: 'get', slot })],
    ])()
    steps.push({
      do: 'ask',
      at: 300 + Math.floor(draw.unit() ** 1.3 * world.weatherMs),
      client: draw.int(0, world.clients - 1),
      peer: draw.int(0, world.peers - 1),
      ask: asked,
      quorum: draw.weighted<number | null>([
        [6, null],
        [3, 1],
        [1, world.peers],
        [1, 2],
      ]),
      timeoutMs: draw.pick([400, 1_500, 5_000]),
      retries: Array.from({ length: draw.int(0, 3) }, () => draw.int(0, world.peers - 1)),
    })
    // Two who have read the same change it at once.
    if (asked.op === 'patch' && asked.match === true)
      steps.push({
        ...(steps.at(-1) as Extract<Step, { do: 'ask' }>),
        ask: { ...asked, value: draw.int(0, 40) },
        client: draw.int(0, world.clients - 1),
      })
    // Whoever wrote reads soon after, of another peer, with what the write answered.
    const { at, client } = steps.at(-1) as Extract<Step, { do: 'ask' }>
    if (draw.chance(0.25))
      steps.push({
        do: 'ask',
        at: at + draw.int(5, 400),
        client,
        peer: draw.int(0, world.peers - 1),
        ask: draw.chance(0.4) ? { op: 'list' } : { op: 'get', slot },
        quorum: null,
        timeoutMs: 1_500,
        retries: [],
      })
  }
  return steps
}

// ── readers ─────────────────────────────────────────────────────────────────────────────────────────────────────────────

const reading = (draw: Stream): Reading =>
  draw.weighted<() => Reading>([
    [
      5,
      () => ({
        op: 'list',
        limit: draw.pick([1, 2, 100]),
        ...(draw.chance(0.2) && { apart: draw.chance(0.5) }),
        ...(draw.chance(0.1) && { tag: 'api' }),
        ...(draw.chance(0.1) && { agent: 0 }),
      }),
    ],
    [2, () => ({ op: 'scan', limit: draw.pick([1, 3, 100]), ...(draw.chance(0.2) && { apart: draw.chance(0.5) }) })],
    [3, () => ({ op: 'memory', slot: draw.int(0, 3), limit: draw.pick([1, 2, 50]) })],
    [2, () => ({ op: 'recall' })],
    [1, () => ({ op: 'episodes' })],
    [1, () => ({ op: 'namespaces' })],
    [1, () => ({ op: 'digests' })],
  ])()

/** In some worlds only, for looking costs time: at any moment, and soon after something happened to a peer, on that one. */
const readers = (world: Drawing, steps: readonly Step[], draw: Stream): Step[] => {
  if (!draw.chance(0.5)) return []
  const happenings = steps.flatMap((step) =>
    'peer' in step && step.do !== 'ask'
      ? [{ at: step.at + ('downMs' in step ? step.downMs : 0), peer: step.peer }]
      : step.do === 'evil'
        ? [{ at: step.at, peer: draw.int(0, world.peers - 1) }]
        : [],
  )
  return Array.from({ length: draw.int(2, 6) }, (): Step => {
    const after =
      happenings.length > 0 && draw.chance(0.6)
        ? draw.pick(happenings)
        : { at: 200 + draw.int(0, world.weatherMs), peer: draw.int(0, world.peers - 1) }
    return {
      do: 'read',
      at: after.at + draw.int(0, 120),
      client: draw.int(0, world.clients - 1),
      peer: after.peer % world.peers,
      read: reading(draw),
      token: draw.chance(0.15),
    }
  })
}

// ── faults ──────────────────────────────────────────────────────────────────────────────────────────────────────────────

const FAULTS = [
  'partitions',
  'links',
  'crashes',
  'power',
  'pauses',
  'clocks',
  'disks',
  'damage',
  'rollback',
  'restarts',
  'lies',
  'clones',
  'joins',
  'revocations',
] as const
type Fault = (typeof FAULTS)[number]
/** Faults after which a disk no longer holds what its peer acknowledged. */
const VICTIMS: readonly Fault[] = ['damage', 'rollback', 'clones']
/**
 * An old copy of the authority's folder may say something else in the same place, and nobody but the authority can tell. In a mesh of
 * three only one of all comes: with one who is not there yet and one who is out there would be no quorum.
 */
const MEMBERS: readonly (readonly Fault[])[] = [
  ['joins', 'rollback', 'clones'],
  ['revocations', 'rollback', 'clones'],
]

const when = (world: Drawing, draw: Stream): number => 200 + draw.int(0, world.weatherMs)
const several = (draw: Stream, min: number, max: number, make: () => Step): Step[] =>
  Array.from({ length: draw.int(min, max) }, make)
const anyPeer = (world: Drawing, draw: Stream): number => draw.int(0, world.peers - 1)

/** One is apart, a minority, a majority; a bridge that two halves share; a ring in which each sees its neighbours; one way only. */
const cutWays = (world: Drawing, draw: Stream): { readonly shape: string; readonly ways: readonly Way[] } => {
  const order = draw.some(
    Array.from({ length: world.peers }, (_, i) => i),
    world.peers,
  )
  const between = (left: readonly number[], right: readonly number[], both = true): Way[] =>
    left.flatMap((a) =>
      right.flatMap((b): Way[] =>
        a === b
          ? []
          : both
            ? [
                [a, b],
                [b, a],
              ]
            : [[a, b]],
      ),
    )
  const half = Math.floor(world.peers / 2)
  switch (
    draw.weighted<string>([
      [2, 'one'],
      [2, 'minority'],
      [1, 'majority'],
      [2, 'bridge'],
      [1, 'ring'],
      [2, 'one way'],
      [1, 'half open'],
    ])
  ) {
    case 'one':
      return { shape: 'one', ways: between([order[0]!], order.slice(1)) }
    case 'minority':
      return { shape: 'minority', ways: between(order.slice(0, half), order.slice(half)) }
    case 'majority':
      return { shape: 'majority', ways: between(order.slice(0, half + 1), order.slice(half + 1)) }
    case 'bridge':
      return { shape: 'bridge', ways: between(order.slice(1, 1 + half), order.slice(1 + half)) }
    case 'ring':
      return {
        shape: 'ring',
        ways: between(order, order).filter(
          ([a, b]) =>
            ![1, world.peers - 1].includes(Math.abs(order.indexOf(a) - order.indexOf(b))) ||
            (world.peers === 3 && order.indexOf(a) + order.indexOf(b) === 2),
        ),
      }
    case 'one way':
      return { shape: 'one way', ways: between([order[0]!], order.slice(1), false) }
    default:
      return { shape: 'half open', ways: [[order[0]!, order[1]!]] }
  }
}

const moment = (draw: Stream): Moment =>
  draw.chance(0.3)
    ? null
    : { effect: draw.pick(['PERSIST', 'PUSH', 'ACK', 'RESOLVE', 'TAKEN', 'GROWN'] as const), nth: draw.int(1, 6) }

const crash = (world: Drawing, draw: Stream, power: boolean): Step => ({
  do: 'crash',
  at: when(world, draw),
  peer: anyPeer(world, draw),
  when: moment(draw),
  power,
  survive: draw.int(0, 1_000_000),
  downMs: draw.int(50, power ? 6_000 : 3_000),
  projection: draw.chance(0.1) ? 'lost' : 'kept',
})

const STEPS_BY_FAULT: Readonly<Record<Fault, (world: Drawing, draw: Stream) => Step[]>> = {
  partitions: (world, draw) =>
    several(draw, 1, 3, () => ({
      do: 'cut',
      at: when(world, draw),
      ...cutWays(world, draw),
      forMs: draw.chance(0.1) ? draw.int(20_000, 40_000) : draw.int(200, 6_000),
    })),
  links: (world, draw) =>
    several(draw, 1, 6, () => {
      const pair: Way = draw.some(
        Array.from({ length: world.peers }, (_, i) => i),
        2,
      ) as [number, number]
      const at = when(world, draw)
      if (draw.chance(0.15)) return { do: 'repeat', at, way: pair }
      return draw.chance(0.6)
        ? { do: 'reset', at, pair }
        : {
            do: 'slow',
            at,
            ways: draw.chance(0.5) ? [pair] : [pair, [pair[1], pair[0]]],
            delayMs: draw.int(50, 2_000),
            forMs: draw.int(500, 5_000),
          }
    }),
  crashes: (world, draw) => several(draw, 1, 4, () => crash(world, draw, false)),
  power: (world, draw) => several(draw, 1, 1, () => crash(world, draw, true)),
  pauses: (world, draw) =>
    several(draw, 1, 2, () => ({
      do: 'pause',
      at: when(world, draw),
      peer: anyPeer(world, draw),
      forMs: draw.chance(0.1) ? draw.int(20_000, 40_000) : draw.int(100, 5_000),
    })),
  // Ahead by less than the bound in all: what was sealed further ahead waits until then.
  clocks: (world, draw) =>
    several(draw, 1, 3, () => ({
      do: 'clock',
      at: when(world, draw),
      peer: anyPeer(world, draw),
      jumpMs: draw.pick([-86_000_000, -3_600_000, -60_000, -500, 500, 60_000]),
    })),
  disks: (world, draw) =>
    several(draw, 1, 3, () => ({
      do: 'disk',
      at: when(world, draw),
      peer: anyPeer(world, draw),
      fault: draw.pick<DiskFault>(['eio', 'eio_written', 'full', 'full', 'tight', 'slow']),
      forMs: draw.int(20, 2_000),
    })),
  damage: (world, draw) => {
    const peer = anyPeer(world, draw)
    const steps = several(draw, 1, 3, () => ({
      do: 'flip',
      at: when(world, draw),
      peer,
      what: draw.pick(['commit', 'body', 'fact', 'missing'] as const),
      where: draw.pick(['head', 'middle', 'tail'] as const),
    }))
    // Started again, it meets what is damaged, and goes on answering clients.
    const last = steps.reduce((latest, { at }) => Math.max(latest, at), 0)
    return draw.chance(0.8)
      ? [
          ...steps,
          {
            do: 'crash',
            at: last + draw.int(1, 300),
            peer,
            when: null,
            power: false,
            survive: 1,
            downMs: draw.int(20, 600),
            projection: 'kept',
          },
        ]
      : steps
  },
  rollback: (world, draw) => {
    const peer = anyPeer(world, draw)
    const at = when(world, draw)
    return [
      { do: 'snapshot', at, peer },
      { do: 'rollback', at: at + draw.int(100, 3_000), peer, downMs: draw.int(50, 2_000) },
    ]
  },
  clones: (world, draw) =>
    several(draw, 1, 1, () => ({
      do: 'clone',
      at: when(world, draw),
      peer: anyPeer(world, draw),
      forMs: draw.int(500, 5_000),
    })),
  lies: (world, draw) => {
    const acts = draw.some(LIES, draw.int(1, 3))
    const steps = several(draw, 3, 10, () => ({ do: 'evil', at: when(world, draw), act: draw.pick(acts) }))
    if (!acts.includes('stripped')) return steps
    // What the liar passes on must overtake the word of the one who said it.
    const ways = Array.from({ length: world.peers }, (_, a) => a)
      .flatMap((a) => Array.from({ length: world.peers }, (_, b): Way => [a, b]))
      .filter(([a, b]) => a !== b && draw.chance(0.5))
    return [
      ...steps,
      { do: 'evil', at: 200, act: 'stripped' },
      { do: 'slow', at: 250, ways, delayMs: draw.int(100, 1_500), forMs: world.weatherMs },
    ]
  },
  joins: (world, draw) => [
    {
      do: 'join',
      at: when(world, draw),
      peer: draw.int(1, world.peers - 1),
      role: draw.chance(0.7) ? 'voter' : 'observer',
    },
  ],
  // Or the liar, where there is one. What is asked of a peer just then is heard by some before they hear that it is out.
  revocations: (world, draw) =>
    draw
      .some(
        Array.from({ length: world.peers }, (_, i) => i + 1),
        world.peers > 4 ? draw.int(1, 2) : 1,
      )
      .flatMap((peer): Step[] => {
        const at = when(world, draw)
        const last: Step = {
          do: 'ask',
          at: at - draw.int(0, 150),
          client: 0,
          peer: peer % world.peers,
          ask: { op: 'erase', slot: draw.int(0, 1) },
          quorum: 1,
          timeoutMs: 1_500,
          retries: [],
        }
        return draw.chance(0.4) ? [last, { do: 'revoke', at, peer }] : [{ do: 'revoke', at, peer }]
      }),
  restarts: (world, draw) =>
    several(draw, 1, 3, () => ({
      do: 'stop',
      at: when(world, draw),
      peer: anyPeer(world, draw),
      downMs: draw.int(20, 3_000),
    })),
}
