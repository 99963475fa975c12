/**
 * The pages and the vectors hold each other: each vector names a rule of a page, each rule of PROTOCOL.md is quoted by a
 * test, and each rule of FORMAT.md that is about bytes has vectors.
 *
 * A vector names its rule itself (`rule`), or `rules.json` names it for its list, by the reason of the refusal where that tells.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { expect, it } from 'vitest'

const text = (path: string): string => readFileSync(new URL(path, import.meta.url), 'utf8')
const [format, protocol] = [text('../../crdt/FORMAT.md'), text('../../transports/PROTOCOL.md')]
const idsIn = (page: string): readonly string[] => [...page.matchAll(/\*\*([A-Z]{2,5}\d+)\*\*/g)].map(([, id]) => id!)
const idsOfFormat = idsIn(format)
const ids = [...idsOfFormat, ...idsIn(protocol)]

type Entry = Readonly<Record<string, unknown>>
type Rules = Readonly<Record<string, Readonly<Record<string, string | Readonly<Record<string, string>>>>>>
const rules = JSON.parse(text('rules.json')) as Rules
const files = readdirSync(new URL('.', import.meta.url))
  .filter((name) => name.endsWith('.json') && name !== 'rules.json')
  .map((name) => name.slice(0, -5))

/** Each vector with the rule that is named for it, null where there is none. */
const vectors = files.flatMap((file) =>
  Object.entries(JSON.parse(text(`${file}.json`)) as Entry)
    .filter((entry): entry is [string, readonly unknown[]] => Array.isArray(entry[1]))
    .flatMap(([list, all]) => {
      const named = rules[file]?.[list]
      return all.map((vector, n) => {
        const { rule, reason, fault } = typeof vector === 'object' ? (vector as Entry) : ({} as Entry)
        return {
          at: `${file}.${list}[${n}]`,
          rule: rule ?? (typeof named === 'object' ? named[(reason ?? fault) as string] : named) ?? null,
        }
      })
    }),
)

/** Rules of FORMAT.md that no bytes can show, each with why. */
const WITHOUT_VECTORS: Readonly<Record<string, string>> = {
  AD13: 'follows from the others: verdict.json has the pairs',
  IP1: 'a challenge and a port of one moment: identity-proof.test.ts',
  IN4: 'routes of HTTP, not bytes of the format',
  IN5: 'what a joiner does before it keeps anything',
  FO2: 'which proofs are kept, by the control log of the moment: fork.test.ts',
  AK2: 'what a voter has on its disk',
  CL10: 'what a log that holds two lines counts: src/service/epoch.test.ts',
  LM1: 'values: event.json and bounds.json stand at some of them',
  LV7: 'who passes over what, and writes nothing: level.test.ts',
  LV8: 'what an authority does',
}
/** Rules whose vectors are those of another: one vector shows several parts of one encoding. */
const SHOWN_BY: Readonly<Record<string, string>> = {
  ID1: 'control',
  ID2: 'signature',
  ID3: 'commit',
  ID4: 'commit',
  ID5: 'commit',
  ID6: 'commit',
  ID7: 'document',
  ID8: 'body',
  EV7: 'commit',
  CV1: 'commit',
  CH1: 'document',
  CH2: 'document',
  CH3: 'document',
  CH4: 'document',
  CH5: 'document',
  CH6: 'document',
  CH8: 'document',
  CH9: 'document',
  CH11: 'document',
  CH12: 'document',
  CH13: 'document',
  CH14: 'document',
  CH15: 'document',
  RD1: 'document',
  RD2: 'document',
  RD4: 'document',
  RD5: 'document',
  RD6: 'document',
  CL2: 'control',
  CL3: 'verdict',
  CL4: 'control',
  CL5: 'control',
  LV3: 'level',
  LV4: 'level',
  LV5: 'level',
}
/** What is not pinned by a vector yet though bytes could show it, each with where it is held meanwhile. */
const OWED: Readonly<Record<string, string>> = {
  RD7: 'crdt/reading.test.ts',
  RD8: 'crdt/reading.test.ts',
  RD9: 'crdt/reading.test.ts',
  RD10: 'crdt/reading.test.ts',
  RD11: 'crdt/reading.test.ts',
  BK1: 'snapshots/manifest.test.ts',
}

it('no id stands twice', () => expect(ids.filter((id, i) => ids.indexOf(id) !== i)).toEqual([]))

it('each vector names a rule that a page has', () => {
  const known = new Set(ids)
  expect(vectors.length).toBeGreaterThan(500)
  expect(vectors.filter(({ rule }) => typeof rule !== 'string' || !known.has(rule))).toEqual([])
})

it('each rule of FORMAT.md has vectors, or a reason why not', () => {
  const shown = new Set(vectors.map(({ rule }) => rule))
  const excused = { ...WITHOUT_VECTORS, ...SHOWN_BY, ...OWED }
  expect(idsOfFormat.length).toBeGreaterThan(80)
  expect(idsOfFormat.filter((id) => !shown.has(id) && excused[id] === undefined)).toEqual([])
  expect(Object.keys(excused).filter((id) => !idsOfFormat.includes(id))).toEqual([])
  expect(Object.values(SHOWN_BY).filter((file) => !files.includes(file))).toEqual([])
})

/** Rules of PROTOCOL.md that no test quotes by its id yet: a debt, no excuse. The list can only become shorter. */
const NOT_QUOTED = ['SE7', 'AE3', 'LIVE2', 'ACK2', 'HB1', 'ADDR1', 'GV1', 'GV2', 'GV3', 'GV4', 'GV5', 'GV6']

it('each rule of PROTOCOL.md is quoted by a test', () => {
  const root = new URL('../../', import.meta.url).pathname
  const tests = ['crdt', 'transports', 'src', 'property-tests']
    .flatMap((folder) =>
      readdirSync(root + folder, { recursive: true, encoding: 'utf8' }).map((path) => `${folder}/${path}`),
    )
    .filter((path) => path.endsWith('.test.ts') && !path.endsWith('vectors/pages.test.ts'))
    .map((path) => readFileSync(root + path, 'utf8'))
    .join('\n')
  const quoted = new Set([...tests.matchAll(/\b[A-Z]{2,5}\d+\b/g)].map(([id]) => id))
  expect(idsIn(protocol).filter((id) => !quoted.has(id) && !NOT_QUOTED.includes(id))).toEqual([])
})
