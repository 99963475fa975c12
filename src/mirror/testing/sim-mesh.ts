/**
 * A mesh in memory that keeps a mirror's promises the way peers do: events that know what they followed, several peers that hear of one another only
 * when they are told to, concurrent texts, keys that are answered once and for all, versions that are compared.
 */
import { fileDraft } from '../../input/memory-file.ts'
import { MeshRefusal, type Look, type Mesh, type Row } from '../ports.ts'

type Kind = 'put' | 'patch' | 'forget' | 'restore'
type Event = {
  readonly id: number
  readonly key: string
  readonly record: string
  readonly kind: Kind
  readonly name: string
  readonly content: string | null
  readonly metadata: Readonly<Record<string, unknown>>
  readonly knew: ReadonlySet<number>
  readonly agent: string
}
export type SimPeer = {
  mesh(agent: string, step: (what: string) => void): Mesh
  hear(other: SimPeer): void
  readonly log: Event[]
}

export const createSimMesh = (): { peer(): SimPeer } => {
  let lastId = 0
  const peer = (): SimPeer => {
    const log: Event[] = []
    const has = (id: number): boolean => log.some((event) => event.id === id)
    const of = (record: string): readonly Event[] =>
      log.filter((event) => event.record === record).sort((a, b) => a.id - b.id)
    const latest = (events: readonly Event[]): readonly Event[] =>
      events.filter((one) => !events.some((other) => other.knew.has(one.id)))
    const texts = (record: string): readonly Event[] =>
      latest(of(record).filter(({ content }) => content !== null)).toSorted((a, b) => b.id - a.id)
    const ends = (record: string): readonly Event[] =>
      latest(of(record).filter(({ kind }) => kind === 'forget' || kind === 'restore'))
    const isForgotten = (record: string): boolean => ends(record).some(({ kind }) => kind === 'forget')
    const row = (id: string): Row => {
      const [shown] = texts(id)
      const [first] = of(id)
      return {
        id,
        title: first!.name,
        tags: fileDraft(first!.name).tags,
        content: shown!.content,
        metadata: shown!.metadata,
        created_at: String(first!.id).padStart(9, '0'),
        version: [...latest(of(id)), ...texts(id)].map((event) => event.id).join(),
        conflicts: new Set(texts(id).map(({ content }) => content)).size > 1 ? 1 : 0,
      }
    }
    const say = (said: Omit<Event, 'id' | 'knew'>): string => {
      log.push({ ...said, id: ++lastId, knew: new Set(of(said.record).map(({ id }) => id)) })
      return said.record
    }
    const at = (id: string, version: string | null): void => {
      if (of(id).length === 0 || isForgotten(id)) throw new MeshRefusal('moved', 'no such memory')
      if (version !== null && row(id).version !== version) throw new MeshRefusal('moved', 'another version')
    }
    const mesh = (agent: string, step: (what: string) => void): Mesh => {
      const around = async <T>(what: string, work: () => T): Promise<T> => {
        step(`before ${what}`)
        await Promise.resolve()
        const result = work()
        step(`after ${what}`)
        return result
      }
      const once = (key: string, work: () => string): string =>
        log.find((event) => event.key === `${agent} ${key}`)?.record ?? work()
      const base = (key: string) => ({ key: `${agent} ${key}`, agent, name: '', content: null, metadata: {} })
      return {
        list: async (take) =>
          take(
            await around('list', () =>
              [...new Set(log.map(({ record }) => record))].filter((id) => !isForgotten(id)).map(row),
            ),
          ),
        look: (id) =>
          around('look', (): Look => {
            if (of(id).length === 0) return { row: null, why: 'unknown' }
            if (!isForgotten(id)) return { row: row(id) }
            const isContested = ends(id).some(
              (end) =>
                end.kind === 'forget' &&
                of(id).some((event) => event.content !== null && !end.knew.has(event.id) && !event.knew.has(end.id)),
            )
            return {
              row: null,
              why: isContested || ends(id).some(({ kind }) => kind === 'restore') ? 'contested' : 'gone',
            }
          }),
        heads: (asked) =>
          around('heads', () => texts(asked.id).map((event) => ({ content: event.content!, agent: event.agent }))),
        versions: (id) =>
          around('versions', () =>
            of(id)
              .filter(({ content }) => content !== null)
              .map(({ content, kind, metadata }) => ({
                content,
                parents: kind === 'put' ? [] : (metadata['parents'] as readonly number[]),
              })),
          ),
        changes: (after) =>
          around('changes', () => ({
            ids: after === null ? [] : [...new Set(log.slice(Number(after)).map(({ record }) => record))],
            next: String(log.length),
          })),
        create: (name, content, metadata, key) =>
          around('create', () =>
            once(key, () => say({ ...base(key), record: `m-${agent}-${key}`, kind: 'put', name, content, metadata })),
          ),
        change: (id, version, content, metadata, key) =>
          around(
            'change',
            () =>
              void once(key, () => {
                at(id, version)
                return say({ ...base(key), record: id, kind: 'patch', content, metadata })
              }),
          ),
        forget: (id, version, key) =>
          around(
            'forget',
            () =>
              void once(key, () => {
                at(id, version)
                return say({ ...base(key), record: id, kind: 'forget' })
              }),
          ),
        restore: (id, key) =>
          around('restore', () => void once(key, () => say({ ...base(key), record: id, kind: 'restore' }))),
      }
    }
    return {
      log,
      mesh,
      hear: (other) => {
        for (const event of other.log) if (!has(event.id)) log.push(event)
      },
    }
  }
  return { peer }
}
