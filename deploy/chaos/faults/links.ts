/**
 * Networks that are cut, slow, lossy or flap: what the relays between the peers do.
 */
import { setTimeout as pause } from 'node:timers/promises'
import { until } from '../../local/until.ts'
import { between, oneWay, type LostAnswer, type Network, type Pair } from '../network.ts'
import type { Counts } from '../relay.ts'
import { others, type Fault, type FaultClass, type Ground } from './fault.ts'

const FLAP_MS_MIN = 200
const FLAP_MS_MORE = 1_200
const LOST_MS = 10_000
/** On a link that carries nothing for so long another one is taken. */
const QUIET_MS = 1_000
const LOOK_MS = 10

/** Since `before`. */
const since = (network: Network, before: Counts): Counts => {
  const now = network.counts()
  return Object.fromEntries(
    Object.entries(now).map(([name, count]) => [name, count - before[name as keyof Counts]]),
  ) as Counts
}
const shownCounts = (counts: Counts): string =>
  Object.entries(counts)
    .filter(([name, count]) => count > 0 && name !== 'passed')
    .map(([name, count]) => `${name} ${count}`)
    .join(', ')

/** Pairs that are cut; bytes are held for later or lost, as the seed says. */
const cutting = (
  shown: string,
  pairs: readonly Pair[],
  hit: readonly string[],
  { mesh: { network }, draw }: Ground,
): Fault => {
  const cut = draw.one<'hold' | 'lose'>(['hold', 'lose'])
  let before = network.counts()
  return {
    shown: `${shown}, bytes ${cut === 'hold' ? 'held' : 'lost'}`,
    hit,
    begin: async () => {
      before = network.counts()
      network.shape(pairs, { cut })
    },
    proof: async () => {
      const counts = since(network, before)
      return counts.held + counts.lost > 0 ? shownCounts(counts) : null
    },
    end: async () => network.heal(pairs),
  }
}

export const minority = (stage: Ground): Fault => {
  const { mesh, free } = stage
  const cut = free.slice(0, Math.max(1, Math.floor((mesh.peers.length - 1) / 2))).map(({ name }) => name)
  return cutting(`${cut.join(',')} cut off`, between(cut, others(mesh, cut)), cut, stage)
}
const one = (stage: Ground): Fault => {
  const {
    mesh,
    free: [{ name }],
  } = stage
  return cutting(`${name} cut off`, between([name], others(mesh, [name])), [name], stage)
}
/** Nobody has more than half: no write of a quorum on the smaller sides, and none of a majority anywhere. */
const shattered = (stage: Ground): Fault => {
  const names = stage.mesh.peers.map(({ name }) => name)
  return cutting('everybody alone', between(names, names), names, stage)
}
/** Two halves that both see one peer, and not each other. */
const bridge = (stage: Ground): Fault => {
  const {
    mesh,
    free: [{ name: middle }],
  } = stage
  const rest = others(mesh, [middle])
  const half = Math.floor(rest.length / 2)
  return cutting(`two halves joined by ${middle} alone`, between(rest.slice(0, half), rest.slice(half)), rest, stage)
}
/** Each sees its two neighbours alone. */
const ring = (stage: Ground): Fault => {
  const names = stage.mesh.peers.map(({ name }) => name)
  const far = names.flatMap((from, i) =>
    names.flatMap((to, j) => (i === j || [1, names.length - 1].includes(Math.abs(i - j)) ? [] : [{ from, to }])),
  )
  return cutting('a ring', far, names, stage)
}
const way = (stage: Ground): Fault => {
  const {
    mesh,
    free: [{ name }],
    draw,
  } = stage
  const rest = others(mesh, [name])
  return draw.chance(0.5)
    ? cutting(`nothing from ${name} arrives`, oneWay([name], rest), [name], stage)
    : cutting(`nothing arrives at ${name}`, oneWay(rest, [name]), [name], stage)
}

const flapping = (stage: Ground): Fault => {
  const {
    mesh: { network, peers },
    free: [{ name }],
    draw,
  } = stage
  const rest = others(stage.mesh, [name])
  const pairs = between([name], rest)
  let before = network.counts()
  let isOver = false
  let running = Promise.resolve()
  let times = 0
  const flap = async (): Promise<void> => {
    while (!isOver) {
      network.shape(pairs, { cut: draw.one<'hold' | 'lose'>(['hold', 'lose']) })
      times++
      await pause(FLAP_MS_MIN + draw.whole(FLAP_MS_MORE))
      network.heal(pairs)
      if (draw.chance(0.3)) for (const { name: other } of peers) network.reset(name, other)
      await pause(FLAP_MS_MIN + draw.whole(FLAP_MS_MORE))
    }
  }
  return {
    shown: `the links of ${name} flap`,
    hit: [name],
    begin: async () => {
      before = network.counts()
      running = flap()
    },
    proof: async () => {
      const counts = since(network, before)
      return times > 0 && counts.held + counts.lost + counts.reset > 0 ? `${times} cuts, ${shownCounts(counts)}` : null
    },
    end: async () => {
      isOver = true
      await running
      network.heal(pairs)
    },
  }
}

/**
 * What others say to `of` is lost for moments, of one of them after the other, from the piece on in which a request of it has passed: the ack of what is written now does
 * not come back. A cut lasts until something was lost on it, so a link that is quiet or being made anew proves nothing and costs nothing.
 */
export const droppingAcks = (stage: Ground, of: () => string): Fault => {
  const {
    mesh: { network },
    draw,
  } = stage
  const answers: LostAnswer[] = []
  let isOver = false
  let running = Promise.resolve()
  const dropOne = async (asker: string, answerer: string): Promise<void> => {
    const answer = network.loseAnswer(asker, answerer)
    answers.push(answer)
    const untilMs = performance.now() + QUIET_MS
    try {
      while (!isOver && answer.bytes().lost === 0 && performance.now() < untilMs) await pause(LOOK_MS)
      if (answer.bytes().lost === 0) return void answers.splice(answers.indexOf(answer), 1)
      for (let heldMs = draw.whole(FLAP_MS_MORE); heldMs > 0 && !isOver; heldMs -= LOOK_MS) await pause(LOOK_MS)
    } finally {
      answer.heal()
    }
  }
  const drop = async (): Promise<void> => {
    while (!isOver) {
      const asker = of()
      const [first = asker, ...more] = others(stage.mesh, [asker])
      await dropOne(asker, draw.one([first, ...more]))
    }
  }
  const shown = (): string | null => {
    const all = answers.map((answer) => answer.bytes()).filter(({ lost }) => lost > 0)
    const sum = (of: 'asked' | 'lost'): number => all.reduce((total, one) => total + one[of], 0)
    return all.length === 0
      ? null
      : `${all.length} answers lost: ${sum('asked')} bytes had passed, ${sum('lost')} did not come back`
  }
  return {
    shown: 'acks of random peers are lost',
    hit: [],
    begin: async () => {
      running = drop()
    },
    // While a killed peer's successor begins to write there may be nothing to lose yet.
    proof: () => until('an ack is lost', LOST_MS, async () => shown()).catch(() => null),
    end: async () => {
      isOver = true
      await running
    },
  }
}

/** One end of each connection is gone, and the other is not told. */
const halfOpen = (stage: Ground): Fault => {
  const {
    mesh: { network },
    free: [{ name }],
  } = stage
  const rest = others(stage.mesh, [name])
  let before = network.counts()
  return {
    shown: `half-open connections of ${name}`,
    hit: [name],
    begin: async () => {
      before = network.counts()
      for (const other of rest) network.halve(name, other)
    },
    proof: async () => {
      const { halved } = since(network, before)
      return halved > 0 ? `${halved} halved` : null
    },
    end: async () => network.heal(between([name], rest)),
  }
}

const shaped = (stage: Ground, shown: string, more: Parameters<Network['shape']>[1]): Fault => {
  const {
    mesh: { network, peers },
  } = stage
  const names = peers.map(({ name }) => name)
  const pairs = between(names, names)
  let before = network.counts()
  return {
    shown,
    hit: [],
    begin: async () => {
      before = network.counts()
      network.shape(pairs, more)
    },
    proof: async () => {
      const counts = since(network, before)
      return counts.delayed + counts.resent > 0 ? shownCounts(counts) : null
    },
    end: async () => network.heal(pairs),
  }
}
const slow = (stage: Ground): Fault => {
  const { draw } = stage
  const [delayMs, jitterMs, kiB] = [20 + draw.whole(180), draw.whole(100), 64 + draw.whole(1_024)]
  return shaped(stage, `${delayMs} ms + ${jitterMs} ms, ${kiB} kiB/s`, {
    delayMs,
    jitterMs,
    bytesPerSecond: kiB * 1_024,
  })
}
const lossy = (stage: Ground): Fault => {
  const share = 0.02 + stage.draw.whole(20) / 100
  return shaped(stage, `${Math.round(share * 100)} % sent again`, { resentShare: share, delayMs: 5 })
}

export const LINK_CLASSES: readonly FaultClass[] = [
  { name: 'cut-one', what: 'one peer is cut off', plan: one },
  { name: 'cut-minority', what: 'the largest minority is cut off', plan: minority },
  { name: 'cut-all', what: 'every peer is alone', plan: shattered },
  { name: 'bridge', what: 'two halves that see one peer and not each other', plan: bridge },
  { name: 'ring', what: 'each sees two neighbours alone', peersMin: 4, plan: ring },
  { name: 'one-way', what: 'bytes go one way', plan: way },
  {
    name: 'drop-acks',
    what: 'acks to whom acknowledged last are lost',
    plan: (stage) => droppingAcks(stage, () => stage.load().lastAckedBy().name),
  },
  { name: 'flapping', what: 'links come and go', plan: flapping },
  { name: 'half-open', what: 'one end of a connection is gone and the other not told', plan: halfOpen },
  { name: 'slow', what: 'delay, jitter and little bandwidth on all links', isCalm: true, plan: slow },
  { name: 'lossy', what: 'pieces come late on all links, as if sent again', isCalm: true, plan: lossy },
]
